using System.Globalization;
using Graft.Importers.Images;

namespace Graft.Cli;

/// <summary>Where the masks of photographs are, and how their pixels say classes.</summary>
/// <param name="Folder">The folder, laid out as that of the photographs.</param>
internal sealed record MaskSettings(string Folder)
{
    private const int MostFound = 64; // values: more are no classes, but the shades of a photograph or of JPEG

    /// <summary>The folder of the photographs to validate on that are named apart; null where these are in the layout, or a share is held back.</summary>
    public string? Validation { get; init; }

    /// <summary>Names of the classes; null names them by the values in the masks.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The value of each class; null for 0, 1, 2, ..., or where classes are named by numbers, these.</summary>
    public IReadOnlyList<byte>? Values { get; init; }

    /// <summary>The value of pixels that have no class; null for none.</summary>
    public byte? Ignored { get; init; }

    /// <summary>What a mask's name has behind that of its photograph.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>The names of the classes: those that were given, or the values in a folder of masks.</summary>
    /// <exception cref="GraftException">The folder is missing or has no images, one cannot be decoded, or the values are no classes.</exception>
    public IReadOnlyList<string> NamesOf(string masks)
    {
        if (ClassNames is not null)
            return ClassNames;
        byte[] values = [.. Values ?? [.. ImageMasks.ValuesIn(masks).Where(v => v != Ignored)]];
        return values.Length is >= 2 and <= MostFound ? Array.ConvertAll(values, v => v.ToString(CultureInfo.InvariantCulture))
            : throw new GraftException($"{masks}: the masks have {values.Length} values{(values.Length == 0 ? "" : $", from {values[0]} to {values[^1]}")}; without names of classes, 2 to {MostFound} are taken for these. Name them by --class-names; masks are PNG files whose pixels are numbers of classes, without colours or blurred edges.");
    }

    /// <summary>How the pixels of masks say these classes.</summary>
    public MaskOptions OptionsFor(IReadOnlyList<string> names) => new() { Values = Values ?? Numbers(names), Ignored = Ignored, Suffix = Suffix };

    /// <summary>What opens masks, with errors that name options of the command line in place of those of the library; that of damaged images is left to the caller.</summary>
    /// <exception cref="GraftException">What it throws.</exception>
    public static T Named<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (GraftException e) when (e is not BadImagesException)
        {
            throw new GraftException(InOptions(e.Message), e);
        }
    }

    /// <summary>A message with the options of the command line in place of those of the library.</summary>
    public static string InOptions(string message) => message.Replace("MaskOptions.Values", "--mask-values", StringComparison.Ordinal).Replace("MaskOptions.Ignored", "--ignore", StringComparison.Ordinal)
        .Replace("MaskOptions.Suffix", "--mask-suffix", StringComparison.Ordinal).Replace("AppliesOrientation", "--exif", StringComparison.Ordinal);

    private static byte[]? Numbers(IReadOnlyList<string> names)
    {
        byte[] numbers = [.. names.SelectMany(n => byte.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out byte value) ? new[] { value } : [])];
        return numbers.Length == names.Count ? numbers : null;
    }
}

using System.CommandLine;
using System.Globalization;

namespace Graft.Cli;

/// <summary>The options that say where masks are and how their pixels say classes.</summary>
internal sealed class MasksOption
{
    private readonly Option<string?> _folder = new("--masks")
    {
        Description = "To give each pixel a class (segmentation): the folder of the masks, with the names and folders of --data: photos/a/1.jpg has masks/a/1.png. A mask's pixels, gray or of a palette, are the numbers of classes.",
    };

    private readonly Option<string?> _validation = new("--validation-masks") { Description = "With --masks and --validation: the folder of the masks of the photographs to validate on." };
    private readonly Option<string?> _names = new("--class-names") { Description = "With --masks: the names of the classes in the order of their numbers, with commas between, such as background,road,car; by default they are named by the values in the masks. Of two, 1 and all from 128 on are the second." };
    private readonly Option<string?> _values = new("--mask-values") { Description = "With --masks: the value of each class in the masks, with commas between, such as 0,255; by default 0, 1, 2 and so on, or what classes that are named by numbers are called." };
    private readonly Option<int?> _ignored = new("--ignore") { Description = "With --masks: the value of pixels that have no class, by custom 255: they count nowhere." };
    private readonly Option<string?> _suffix = new("--mask-suffix") { Description = "With --masks: what the names of masks have behind those of photographs, such as _mask." };

    /// <summary>Those that go with a model, which has its class names.</summary>
    public Option[] OfModels => [_folder, _values, _ignored, _suffix];

    /// <summary>Adds them to a command: all of a training, or those that go with a model.</summary>
    public void AddTo(Command command, bool trains)
    {
        foreach (Option option in trains ? [.. OfModels, _validation, _names] : OfModels)
            command.Add(option);
    }

    /// <summary>What is asked for; null without --masks.</summary>
    /// <exception cref="UsageException">The others are given without it, or are no names or values.</exception>
    public MaskSettings? Read(ParseResult parsed)
    {
        Partners.Refuse(parsed, parsed.GetValue(_folder) is null, "goes with --masks", _validation, _names, _values, _ignored, _suffix);
        if (parsed.GetValue(_folder) is not { } folder)
            return null;
        IReadOnlyList<string>? names = parsed.GetValue(_names) is { } text ? LabelsOption.NamesIn(text, _names.Name, "names of classes", "background,road,car") : null;
        byte[]? values = parsed.GetValue(_values) is { } numbers ? ValuesIn(numbers) : null;
        if (names is not null && values is not null && names.Count != values.Length)
            throw new UsageException($"{_values.Name} has {values.Length} values and {_names.Name} {names.Count} names; each class has one of both.");
        return new MaskSettings(folder) { Validation = parsed.GetValue(_validation), ClassNames = names, Values = values, Ignored = parsed.GetValue(_ignored) is int ignored ? Value(ignored, _ignored.Name) : null, Suffix = parsed.GetValue(_suffix) ?? "" };
    }

    private byte[] ValuesIn(string text)
    {
        string[] parts = text.Split(',');
        byte[] values = [.. parts.Select(p => int.TryParse(p, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int value) ? Value(value, _values.Name)
            : throw new UsageException($"{_values.Name} {text}: '{p}' is no number; takes the value of each class, 0 to 255, with commas between."))];
        return values.Distinct().Count() == values.Length && values.Length > 1 ? values
            : throw new UsageException($"{_values.Name} {text}: takes two values or more, each once, with commas between.");
    }

    private static byte Value(int value, string option) => (byte)Commands.FinetuneCommand.Within(value, byte.MinValue, byte.MaxValue, option);
}

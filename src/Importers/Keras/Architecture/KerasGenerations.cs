using System.Globalization;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Which generation of Keras wrote a file: 1, 2 or 3. Layers of one name differ between them.</summary>
internal static class KerasGenerations
{
    private static readonly string[] s_wordsOfKeras1 = ["\"nb_filter\"", "\"border_mode\"", "\"W_regularizer\"", "\"inner_init\"", "\"dim_ordering\""];
    private static readonly string[] s_wordsOfKeras3 = ["\"batch_shape\"", "\"keras_history\"", "DTypePolicy"];

    /// <summary>By the version that the file gives, else by the words of its architecture.</summary>
    public static int Of(KerasModelFile file)
    {
        string text = file.Architecture?.ToJsonString() ?? "";
        return Major(file.Version) ?? (Array.Exists(s_wordsOfKeras1, w => text.Contains(w, StringComparison.Ordinal)) ? 1 : Array.Exists(s_wordsOfKeras3, w => text.Contains(w, StringComparison.Ordinal)) ? 3 : 2);
    }

    /// <summary>That of the weight file, which may be another than that of the architecture beside it.</summary>
    public static int OfWeights(Hdf5Source source, int architecture) => source.Read(root => KerasCatalog.LegacyRoot(root) is { } legacy ? KerasCatalog.Text(legacy, "keras_version") : null) is { } version
        ? Major(version) ?? architecture : architecture;

    /// <summary>True for a version from that one on; a file that does not say is of an older one.</summary>
    public static bool IsFrom(string? version, int major, int minor, int patch = 0)
    {
        string[] parts = (version ?? "").Split('.', '-'); // "2.2.4-tf"
        return parts.Length >= 2 && Number(parts[0]) is { } a && Number(parts[1]) is { } b && (a, b, parts.Length > 2 ? Number(parts[2]) ?? 0 : 0).CompareTo((major, minor, patch)) >= 0;
    }

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static int? Major(string? version) => version is { Length: > 0 } && version[0] is >= '0' and <= '9' ? Math.Clamp(version[0] - '0', 1, 3) : null;
}

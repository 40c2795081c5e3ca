namespace Graft.Importers.Onnx;

/// <summary>Keys of metadata_props that this program writes and reads.</summary>
internal static class OnnxMetadata
{
    /// <summary>A JSON list of the classes' names.</summary>
    public const string ClassNames = "graft.class_names";

    /// <summary>What the outputs stand for, in the word of a model file.</summary>
    public const string OutputKind = "graft.output_kind";

    /// <summary>The preprocessing entry of a model file, as JSON.</summary>
    public const string Preprocessing = "graft.preprocessing";
}

namespace Graft.Importers.Onnx;

/// <summary>Keys of metadata_props that this program writes and reads.</summary>
internal static class OnnxMetadata
{
    /// <summary>A JSON list of the classes' names.</summary>
    public const string ClassNames = "graft.class_names";

    /// <summary>The preprocessing entry of a model file, as JSON.</summary>
    public const string Preprocessing = "graft.preprocessing";
}

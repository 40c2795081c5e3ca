namespace Graft.Importers.Onnx;

/// <summary>Writes models as ONNX, to be run by ONNX Runtime and others.</summary>
/// <remarks>
/// What is written is the model as it predicts: dropout is gone, normalisation uses its moving statistics, adapters (LoRA) are products beside the weights until they
/// are merged. The batch axis is 'batch' and takes any size. docs/onnx.md lists what each layer becomes.
/// </remarks>
public static class OnnxExport
{
    /// <summary>Writes a model file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file; it is replaced as a whole.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="GraftException">A layer cannot be expressed (it is named, with the reason), the options do not fit the model, or the file cannot be written.</exception>
    public static void Write(Model model, string path, OnnxExportOptions? options = null)
    {
        options ??= new OnnxExportOptions();
        using var export = new GraphExport(model, options);
        export.Build().Write(path, options.ExternalData);
    }

    /// <summary>The same file in memory.</summary>
    /// <exception cref="GraftException">A layer cannot be expressed, or the options do not fit the model.</exception>
    public static byte[] ToBytes(Model model, OnnxExportOptions? options = null)
    {
        using var export = new GraphExport(model, options ?? new OnnxExportOptions());
        return export.Build().ToArray();
    }
}

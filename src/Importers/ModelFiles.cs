using System.IO.Compression;
using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>A model from a file of another program.</summary>
/// <param name="Model">The model.</param>
/// <param name="InputNames">Names of the inputs, in the model's order.</param>
/// <param name="OutputNames">Names of the outputs, in the model's order.</param>
/// <param name="Notes">What was in the file and is not kept.</param>
public sealed record ImportedModel(Model Model, IReadOnlyList<string> InputNames, IReadOnlyList<string> OutputNames, IReadOnlyList<string> Notes);

/// <summary>Tells model files of this engine from those of others, and reads those of others: Keras's and ONNX.</summary>
public static class ModelFiles
{
    /// <summary>Names of a model's inputs with their shapes, without the axis of samples, null for extents that the file leaves open.</summary>
    /// <param name="path">A model of Keras or ONNX.</param>
    /// <param name="architecture">Where <paramref name="path"/> holds weights of Keras alone: the JSON of their model.</param>
    /// <exception cref="GraftException">The file holds no model, or is damaged.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<int?>? Shape)> InputsOf(string path, string? architecture = null) =>
        architecture is null && IsOnnx(path) ? OnnxImport.InputsOf(path) : KerasImport.InputsOf(path, architecture);

    /// <summary>Reads a model with its weights.</summary>
    /// <param name="path">A model of Keras or ONNX.</param>
    /// <param name="architecture">Where <paramref name="path"/> holds weights of Keras alone: the JSON of their model.</param>
    /// <param name="inputShapes">Shapes of inputs by their names, for files that leave extents open; under "" that of the only input.</param>
    /// <exception cref="GraftException">The file is missing or damaged, or something in it cannot be built.</exception>
    public static ImportedModel Open(string path, string? architecture, IReadOnlyDictionary<string, Shape> inputShapes)
    {
        if (architecture is null && IsOnnx(path))
        {
            OnnxNetwork network = new OnnxImport { InputShapes = inputShapes }.Open(path);
            return new ImportedModel(network.Model, network.InputNames, network.OutputNames, []);
        }
        KerasModel keras = new KerasImport { InputShapes = inputShapes }.Open(path, architecture);
        return new ImportedModel(keras.Model, keras.InputNames, keras.OutputNames, keras.Notes);
    }

    /// <summary>True for an ONNX model, told by its content; by its name where it is damaged.</summary>
    /// <exception cref="GraftException">The file is missing.</exception>
    public static bool IsOnnx(string path)
    {
        if (!File.Exists(path))
            throw NoFile(path);
        var head = new FileHead(path);
        bool isOther = head.IsEmpty || head.IsMarkup || head.IsBrace || head.IsZip || head.IsPickle || head.IsHdf5 || head.IsSafetensors;
        return Path.GetExtension(path) == ".onnx" || (!isOther && OnnxModelFile.IsOne(path));
    }

    /// <summary>True for a .graft file, told by its content.</summary>
    /// <exception cref="GraftException">The file is missing, or a damaged zip.</exception>
    public static bool IsGraft(string path)
    {
        if (!File.Exists(path))
            throw NoFile(path);
        if (!new FileHead(path).IsZip)
            return false;
        return FileErrors.Named(path, "begins like a zip but cannot be read as one", () =>
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            return zip.GetEntry("tensors.bin") is not null;
        });
    }

    private static GraftException NoFile(string path) => new($"{path}: no such file; a model is due here (.graft, .keras, .h5, .onnx).");
}

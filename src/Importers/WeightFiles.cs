using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Importers.Safetensors;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>Opens a weight file of any known format, told by its content, whatever its name ends in.</summary>
public static class WeightFiles
{
    /// <summary>Opens Keras HDF5, .keras, safetensors or ONNX.</summary>
    /// <exception cref="GraftException">The file is missing, empty, or damaged in its format.</exception>
    public static WeightFile Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a weight file (Keras .h5 or .keras, .safetensors, .onnx) is due here.");
        var head = new FileHead(path);
        if (head.IsEmpty)
            throw new GraftException($"{path}: is empty; a weight file (Keras .h5 or .keras, .safetensors, .onnx) is due here.");
        if (head.IsZip || head.IsMarkup || head.IsHdf5)
            return KerasHdf5.Open(path);
        return head.IsSafetensors ? SafetensorsWeights.Open(path) : Path.GetExtension(path) switch
        {
            ".h5" or ".hdf5" or ".keras" => KerasHdf5.Open(path), // says what is wrong with it
            ".safetensors" => SafetensorsWeights.Open(path),
            _ => OnnxWeights.Open(path),
        };
    }
}

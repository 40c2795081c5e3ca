using Graft.Importers.HuggingFace;
using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Importers.PyTorch;
using Graft.Importers.Safetensors;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>Opens a weight file of any known format, told by its content, whatever its name ends in.</summary>
public static class WeightFiles
{
    private const string Due = "a weight file (Keras .h5 or .keras, .safetensors, PyTorch's .bin or .pth, .onnx, an index.json of shards) or a folder of Hugging Face is due here";

    /// <summary>Opens Keras HDF5, .keras, safetensors, what torch.save wrote, ONNX, an index of shards, or a folder of Hugging Face.</summary>
    /// <exception cref="GraftException">The file is missing, empty, or damaged in its format.</exception>
    public static WeightFile Open(string path) => FileErrors.Named(path, "cannot be read as a weight file", () => ByContent(path));

    private static WeightFile ByContent(string path)
    {
        if (Directory.Exists(path))
            return HuggingFaceFolder.OpenWeights(path);
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; {Due}.");
        var head = new FileHead(path);
        if (head.IsEmpty)
            throw new GraftException($"{path}: is empty; {Due}.");
        if (head.IsPickle || (head.IsZip && TorchFile.IsTorchZip(path)))
            return TorchWeights.Open(path);
        if (head.IsSafetensors)
            return SafetensorsWeights.Open(path);
        if (head.IsBrace && ShardedWeights.IsIndex(path))
            return ShardedWeights.Open(path);
        return Path.GetExtension(path) switch // a format without signature, or something that is damaged: its reader says what is wrong
        {
            ".pth" or ".pt" when !head.IsHdf5 => TorchWeights.Open(path),
            ".bin" when head.IsZip || head.IsMarkup => TorchWeights.Open(path),
            ".safetensors" when !head.IsZip && !head.IsHdf5 => SafetensorsWeights.Open(path),
            ".json" => ShardedWeights.Open(path),
            ".h5" or ".hdf5" or ".keras" => KerasHdf5.Open(path),
            _ => head.IsZip || head.IsMarkup || head.IsHdf5 ? KerasHdf5.Open(path) : OnnxWeights.Open(path),
        };
    }
}

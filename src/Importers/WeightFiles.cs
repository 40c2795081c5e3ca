using System.Buffers.Binary;
using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Importers.Safetensors;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>Opens a weight file of any known format, told by its content, whatever its name ends in.</summary>
public static class WeightFiles
{
    private const int HeadBytes = 9;

    /// <summary>Opens Keras HDF5, .keras, safetensors or ONNX.</summary>
    /// <exception cref="GraftException">The file is missing, empty, or damaged in its format.</exception>
    public static WeightFile Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a weight file (Keras .h5 or .keras, .safetensors, .onnx) is due here.");
        var head = new byte[HeadBytes];
        int read;
        using (FileStream stream = File.OpenRead(path))
            read = stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        ReadOnlySpan<byte> start = head.AsSpan(0, read);
        if (start.IsEmpty)
            throw new GraftException($"{path}: is empty; a weight file (Keras .h5 or .keras, .safetensors, .onnx) is due here.");
        if (start.StartsWith("PK"u8) || start[0] == (byte)'<' || (start.Length > 4 && start[1..4].SequenceEqual("HDF"u8)))
            return KerasHdf5.Open(path);
        bool safetensors = start.Length == HeadBytes && start[8] == (byte)'{' && BinaryPrimitives.ReadUInt64LittleEndian(start) < (ulong)new FileInfo(path).Length;
        return safetensors ? SafetensorsWeights.Open(path) : Path.GetExtension(path) switch
        {
            ".h5" or ".hdf5" or ".keras" => KerasHdf5.Open(path), // says what is wrong with it
            ".safetensors" => SafetensorsWeights.Open(path),
            _ => OnnxWeights.Open(path),
        };
    }
}

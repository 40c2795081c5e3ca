using System.Runtime.InteropServices;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Safetensors;

/// <summary>The weights in a safetensors file, under the names that PyTorch gave them.</summary>
/// <remarks>
/// Format: huggingface/safetensors, README "Format". The header is checked as its reader checks it: ranges in the file, without hole,
/// overlap or rest. F16 and BF16 are widened exactly, F64 is rounded. Tensors of integers ("num_batches_tracked") are no weights: they
/// stand in <see cref="Tensors"/> alone. Numbers are read when they are asked for.
/// </remarks>
public sealed class SafetensorsWeights : WeightFile
{
    private readonly Dictionary<string, SafetensorsEntry> _floats;
    private readonly long _dataStart;

    private SafetensorsWeights(string path, SafetensorsHeader header)
    {
        Source = path;
        Tensors = header.Entries;
        Metadata = header.Metadata;
        _dataStart = header.DataStart;
        _floats = header.Entries.Where(e => e.Type is "F64" or "F32" or "F16" or "BF16").ToDictionary(e => e.Name);
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <summary>Every tensor of the file, also those that are no weights, in the file's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Tensors { get; }

    /// <summary>What the writer noted: "format" is "pt" in files of PyTorch.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _floats.Keys;

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, or its header is not true to it.</exception>
    public static SafetensorsWeights Open(string path) => new(path, SafetensorsHeader.Read(path));

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _floats[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name)
    {
        SafetensorsEntry entry = _floats[name];
        var bytes = new byte[entry.Bytes];
        using (FileStream stream = File.OpenRead(Source))
        {
            stream.Position = _dataStart + entry.Begin;
            stream.ReadExactly(bytes);
        }
        return entry.Type switch
        {
            "F32" => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
            "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), h => (float)h),
            "BF16" => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), b => BitConverter.Int32BitsToSingle(b << 16)), // the upper half of a float32
            _ => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), d => (float)d),
        };
    }

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);
}

using Graft.Importers.Inspection;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Safetensors;

/// <summary>The weights in a safetensors file, under the names that PyTorch gave them.</summary>
/// <remarks>
/// Format: huggingface/safetensors, README "Format". The header is checked as its reader checks it: ranges in the file, without hole,
/// overlap or rest. F16 and BF16 are widened exactly, F64 is rounded. Tensors of integers ("num_batches_tracked") are no weights: they
/// stand in <see cref="Tensors"/> alone. Numbers are read when they are asked for,
/// from the mapped file: they take no memory but their own.
/// </remarks>
public sealed class SafetensorsWeights : WeightFile, IStoredArrays
{
    private static readonly Dictionary<string, StoredType> FloatTypes = new()
    {
        ["F64"] = StoredType.Float64, ["F32"] = StoredType.Float32, ["F16"] = StoredType.Float16, ["BF16"] = StoredType.BFloat16,
    };

    private readonly Dictionary<string, SafetensorsEntry> _floats;
    private readonly long _dataStart;

    private SafetensorsWeights(string path, SafetensorsHeader header)
    {
        Source = path;
        Tensors = header.Entries;
        Metadata = header.Metadata;
        _dataStart = header.DataStart;
        _floats = header.Entries.Where(e => FloatTypes.ContainsKey(e.Type)).ToDictionary(e => e.Name);
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <summary>Every tensor of the file, also those that are no weights, in the file's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Tensors { get; }

    /// <summary>What the writer noted: "format" is "pt" in files of PyTorch.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _floats.Keys;

    IReadOnlyList<ArrayEntry> IStoredArrays.Arrays => [.. Tensors.Select(t => new ArrayEntry(t.Name, TypeName(t.Type), t.Shape, t.Bytes))];

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, or its header is not true to it.</exception>
    public static SafetensorsWeights Open(string path) =>
        FileErrors.Named(path, "cannot be read as safetensors", () => new SafetensorsWeights(path, SafetensorsHeader.Read(path)));

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _floats[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name)
    {
        var values = new float[_floats[name].Shape.Count];
        ReadInto(name, values);
        return values;
    }

    /// <inheritdoc/>
    public override void ReadInto(string name, Span<float> destination)
    {
        SafetensorsEntry entry = _floats[name];
        StoredNumbers.ReadInto(Source, _dataStart + entry.Begin, FloatTypes[entry.Type], destination[..checked((int)entry.Shape.Count)]);
    }

    /// <inheritdoc/>
    public override bool ReadsInPlace => true;

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => ModelSafetensors.IsOwn(Metadata) ? ModelSafetensors.NameOf(layer, parameter) : WeightName.Torch(layer, parameter);

    // "F32" to "float32": one set of words for all formats.
    private static string TypeName(string type) => type[0] switch
    {
        'F' when type[1..].All(char.IsDigit) => $"float{type[1..]}",
        'B' when type == "BF16" => "bfloat16",
        'B' => "bool",
        'I' => $"int{type[1..]}",
        'U' => $"uint{type[1..]}",
        _ => type,
    };
}

using System.Text.Json;
using Graft.Importers.Inspection;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>
/// Weights that are spread over several files, as an index says: model.safetensors.index.json, pytorch_model.bin.index.json or
/// tf_model.h5.index.json, which Hugging Face's save_pretrained writes.
/// </summary>
/// <remarks>The index has a "weight_map" from names to files beside it. Shards may be listed and stand in any order.</remarks>
public sealed class ShardedWeights : WeightFile, IStoredArrays
{
    private readonly Dictionary<string, WeightFile> _homes = [];
    private readonly List<WeightFile> _shards = [];

    private ShardedWeights(string path) => Source = path;

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _homes.Keys;

    /// <inheritdoc/>
    public override bool ReadsInPlace => _shards.TrueForAll(s => s.ReadsInPlace);

    /// <summary>The files that the index names.</summary>
    public IReadOnlyList<WeightFile> Shards => _shards;

    /// <inheritdoc/>
    public IReadOnlyList<ArrayEntry> Arrays => [.. _shards.SelectMany(s => s is IStoredArrays all ? all.Arrays : s.Names.Select(n => new ArrayEntry(n, "float32", s.ShapeOf(n), s.ShapeOf(n).Count * sizeof(float))))];

    /// <summary>Opens an index and all its shards.</summary>
    /// <exception cref="GraftException">The index is damaged, a shard is missing or damaged, or lacks a name that the index says it has.</exception>
    public static ShardedWeights Open(string path) => FileErrors.Named(path, "cannot be read as an index of shards", () =>
    {
        var all = new ShardedWeights(path);
        foreach (IGrouping<string, string> shard in ReadMap(path).GroupBy(m => m.File, m => m.Name))
            all.Add(shard.Key, [.. shard]);
        return all;
    });

    /// <summary>True for JSON with a weight_map.</summary>
    internal static bool IsIndex(string path)
    {
        const long Largest = 64 << 20; // an index has a line a name
        if (new FileInfo(path).Length > Largest)
            return false;
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("weight_map", out _);
        }
        catch (JsonException)
        {
            return false; // then it is something else
        }
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _homes[name].ShapeOf(name);

    /// <inheritdoc/>
    public override float[] Read(string name) => _homes[name].Read(name);

    /// <inheritdoc/>
    public override void ReadInto(string name, Span<float> destination) => _homes[name].ReadInto(name, destination);

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) =>
        _shards.Count > 0 ? _shards[0].Locate(layer, parameter) : WeightName.Torch(layer, parameter);

    private static List<(string Name, string File)> ReadMap(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; the index of a model's shards is due here.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. document.RootElement.GetProperty("weight_map").EnumerateObject().Select(p => (p.Name, p.Value.GetString() ?? throw new JsonException($"'{p.Name}' stands in no file")))];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new GraftException($"{path}: is no index of shards: a JSON object with \"weight_map\", names and their files, is due ({e.Message}).", e);
        }
    }

    private void Add(string file, string[] names)
    {
        string path = Path.Combine(Path.GetDirectoryName(Source) ?? "", file);
        if (file != Path.GetFileName(file) || file is "" or "." or "..")
            throw new GraftException($"{Source}: names the shard '{file}'; a file beside the index is due.");
        if (!File.Exists(path))
            throw new GraftException($"{Source}: names the shard '{file}', which is not beside it; {names.Length} arrays are in it ('{names[0]}' for one). Download it too.");
        if (Path.GetExtension(path) == ".json" || (new FileHead(path).IsBrace && IsIndex(path)))
            throw new GraftException($"{Source}: names the shard '{file}', which is an index itself; a file of weights is due.");
        WeightFile shard = WeightFiles.Open(path);
        HashSet<string> held = shard is IStoredArrays all ? [.. all.Arrays.Select(a => a.Name)] : [.. shard.Names];
        string[] missing = [.. names.Where(n => !held.Contains(NameIn(shard, n)))];
        if (missing.Length > 0)
            throw new GraftException($"{path}: lacks {missing.Length} arrays that {Path.GetFileName(Source)} says are in it: {string.Join(", ", missing.Take(5))}. Shard and index are not of one model; download both again.");
        _shards.Add(shard);
        foreach (string name in shard.Names)
        {
            if (!_homes.TryAdd(name, shard))
                throw new GraftException($"{path}: has '{name}', which {Path.GetFileName(_homes[name].Source)} has too. Shards and index are not of one model; download them again.");
        }
    }

    // TensorFlow's index has Keras's full names; in the shards they lack the first part, and here ":0".
    private static string NameIn(WeightFile shard, string name)
    {
        if (shard is not KerasHdf5)
            return name;
        string inner = name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return inner.EndsWith(":0", StringComparison.Ordinal) ? inner[..^2] : inner;
    }
}

using Graft.Importers.Inspection;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.PyTorch;

/// <summary>The weights of a state_dict that torch.save wrote (.bin, .pth, .pt), under the names that PyTorch gave them.</summary>
/// <remarks>
/// The state_dict is the file's dictionary, or the one under "state_dict", "model_state_dict", "model" or "module" of a training
/// checkpoint. Where all names begin with "module." (DataParallel), it is dropped. float16 and bfloat16 are widened exactly, float64 is
/// rounded; tensors of whole numbers are no weights and stand in <see cref="Tensors"/> alone. Numbers are read when they are asked for,
/// from the mapped file. Two names of one storage are both there.
/// </remarks>
public sealed class TorchWeights : WeightFile, IStoredArrays
{
    private const string Parallel = "module.";

    private static readonly string[] Nested = ["state_dict", "model_state_dict", "model", "module"];

    private readonly Dictionary<string, TorchTensor> _floats;

    private TorchWeights(string path, OrderedDictionary<string, TorchTensor> tensors)
    {
        Source = path;
        Tensors = tensors;
        _floats = tensors.Where(t => t.Value.Type.IsFloat()).ToDictionary();
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <summary>Every tensor of the state_dict, in its order.</summary>
    public IReadOnlyDictionary<string, TorchTensor> Tensors { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _floats.Keys;

    /// <inheritdoc/>
    public override bool ReadsInPlace => true;

    IReadOnlyList<ArrayEntry> IStoredArrays.Arrays => [.. Tensors.Select(t => new ArrayEntry(t.Key, t.Value.Type.Name(), t.Value.Shape, t.Value.Bytes))];

    /// <summary>Reads a file but for its numbers.</summary>
    /// <exception cref="GraftException">
    /// It cannot be read (<see cref="TorchFile.Open"/>), or holds no state_dict; the message says what it holds.
    /// </exception>
    public static TorchWeights Open(string path) => FileErrors.Named(path, "cannot be read as a state_dict", () => Of(TorchFile.Open(path)));

    /// <summary>The weights of a file that is open already.</summary>
    /// <exception cref="GraftException">It holds no state_dict.</exception>
    public static TorchWeights Of(TorchFile file)
    {
        if (file.Root is not OrderedDictionary<object, object?> root)
            throw new GraftException($"{file.Path}: holds {Describe(file.Root)}, a state_dict (names and tensors) is due; save model.state_dict().");
        OrderedDictionary<object, object?>? found = HasTensors(root) || root.Count == 0 ? root
            : Nested.Select(key => root.GetValueOrDefault(key)).OfType<OrderedDictionary<object, object?>>().FirstOrDefault(HasTensors);
        if (found is null)
            throw new GraftException($"{file.Path}: holds no state_dict: its keys are {string.Join(", ", root.Keys.Take(10))}, and none of {string.Join(", ", Nested)} leads to names and tensors. Save model.state_dict().");
        var named = found.Where(p => p is { Key: string, Value: TorchTensor }).Select(p => (Name: (string)p.Key, Tensor: (TorchTensor)p.Value!)).ToList();
        bool parallel = named.TrueForAll(t => t.Name.StartsWith(Parallel, StringComparison.Ordinal));
        return new TorchWeights(file.Path, new OrderedDictionary<string, TorchTensor>(named.Select(t => KeyValuePair.Create(parallel ? t.Name[Parallel.Length..] : t.Name, t.Tensor))));
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _floats[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _floats[name].ReadFloats();

    /// <inheritdoc/>
    public override void ReadInto(string name, Span<float> destination) => _floats[name].ReadInto(destination);

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);

    private static bool HasTensors(OrderedDictionary<object, object?> dictionary) => dictionary.Values.Any(v => v is TorchTensor);

    private static string Describe(object? root) => root switch
    {
        null => "None",
        TorchTensor tensor => $"one tensor, {tensor}",
        List<object?> list => $"a list of {list.Count} items",
        object?[] tuple => $"a tuple of {tuple.Length} items",
        _ => $"a value of another kind ({root.GetType().Name})",
    };
}

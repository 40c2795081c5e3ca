using Graft.Inference;
using Graft.Kernels;

namespace Graft.Importers.Onnx;

/// <content>Names of tensors in the graph, in the order of axes that is asked for.</content>
internal sealed partial class GraphExport
{
    private readonly Dictionary<(Tensor Tensor, string Form), string> _weights = [];
    private readonly Dictionary<Tensor, string> _casts = [];
    private readonly string?[] _inputExtents = new string?[2]; // the batch, the sequence

    /// <summary>Adds a node with one output, named after the layer at work.</summary>
    private string Emit(string op, string[] inputs, params ReadOnlySpan<ProtoMessage> attributes) => _graph.Node(op, Name(op), inputs, attributes);

    private string Name(string what) => _layer.Length == 0 ? what : $"{_layer}/{what}";

    private void Define(Tensor tensor, string name, int[] order) => _values[tensor] = new OnnxValue(name, order);

    private void Define(Tensor tensor, string name) => Define(tensor, name, OnnxAxes.Identity(tensor.Shape.Rank));

    /// <summary>The numbers of a weight, or of what was made of weights; null for what depends on the input.</summary>
    private Tensor? Constant(Tensor tensor) => tensor.Memory is not null ? tensor : _folded.GetValueOrDefault(tensor);

    /// <summary>True for numbers that can be written into the file as they are.</summary>
    private bool IsWeight(Tensor tensor) => Constant(tensor) is not null && Array.TrueForAll(_trace.Of(tensor), e => e.IsFixed);

    /// <summary>The value of a tensor that depends on the input.</summary>
    private OnnxValue Value(Tensor tensor)
    {
        if (_values.TryGetValue(tensor, out OnnxValue? value) && value.Border == Padding2D.None)
            return value;
        if (value is not null)
            return _values[tensor] = Padded(tensor, value);
        Tensor constant = Constant(tensor) ?? throw new InvalidOperationException($"ONNX export: layer '{_layer}' reads a tensor that nothing has made.");
        return _values[tensor] = IsWeight(tensor) ? new OnnxValue(Weight(constant, "", null, c => c), OnnxAxes.Identity(tensor.Shape.Rank)) : Filled(tensor, constant);
    }

    /// <summary>The name of a tensor in the model's order.</summary>
    private string Plain(Tensor tensor) => In(tensor, OnnxAxes.Identity(tensor.Shape.Rank));

    /// <summary>The name of a tensor with its channels behind the batch.</summary>
    private string Planes(Tensor tensor) => In(tensor, OnnxAxes.ChannelsFirst(tensor.Shape.Rank));

    /// <summary>The name of a tensor in an order, as float32; a transpose is added where it is in none of these.</summary>
    private string In(Tensor tensor, int[] order)
    {
        if (Constant(tensor) is { } constant && IsWeight(tensor))
        {
            Shape arranged = new(OnnxAxes.Arrange(constant.Shape, order));
            return Weight(constant, string.Join(',', order), arranged, values => OnnxAxes.IsIdentity(order) ? values : AxisPermutation.Of(values, constant.Shape, order));
        }
        OnnxValue value = Value(tensor);
        if (value.IsInteger)
        {
            if (!_casts.TryGetValue(tensor, out string? cast))
                _casts[tensor] = cast = Emit("Cast", [value.Name], OnnxGraph.Attribute("to", (long)OnnxType.Float));
            return OnnxAxes.IsIdentity(order) ? cast : Transpose(cast, order);
        }
        if (value.In(order) is { } known)
            return known;
        string made = Transpose(value.Name, OnnxAxes.Between(value.Order, order));
        value.Add(order, made);
        return made;
    }

    private string Transpose(string x, int[] perm) => Emit("Transpose", [x], OnnxGraph.Attribute("perm", [.. perm.Select(p => (long)p)]));

    /// <summary>The name of a tensor of indices as int64.</summary>
    private string Indices(Tensor tensor) => _values.TryGetValue(tensor, out OnnxValue? value) && value.IsInteger ? value.Name : Emit("Cast", [Plain(tensor)], OnnxGraph.Attribute("to", (long)OnnxType.Int64));

    /// <summary>Weights as an initialiser: named by their path, once for each form in which they are wanted.</summary>
    /// <param name="weights">The numbers.</param>
    /// <param name="form">What tells forms of the same numbers apart.</param>
    /// <param name="shape">Shape of the form; null for their own.</param>
    /// <param name="convert">From the numbers as the model has them to the form.</param>
    private string Weight(Tensor weights, string form, Shape? shape, Func<float[], float[]> convert)
    {
        shape ??= weights.Shape;
        string key = $"{form} {shape}";
        if (_weights.TryGetValue((weights, key), out string? name))
            return name;
        string wish = _parameters.GetValueOrDefault(weights) ?? Name("constant");
        return _weights[(weights, key)] = _graph.Floats(wish, shape, () => convert(weights.ToArray()));
    }

    /// <summary>A constant whose extents depend on the batch: one number, everywhere.</summary>
    private OnnxValue Filled(Tensor tensor, Tensor constant)
    {
        float[] values = constant.ToArray();
        if (!Array.TrueForAll(values, v => v == values[0]))
            throw new GraftException($"ONNX export: layer '{_layer}' brings along numbers of shape {constant.Shape}, which differ from sample to sample; a graph has them for no batch size. Give a fixed BatchSize.");
        return new OnnxValue(Emit("Expand", [_graph.Scalar(values[0]), Extents(_trace.Of(tensor))]), OnnxAxes.Identity(constant.Shape.Rank));
    }

    /// <summary>A shape as a tensor of int64: a constant, or computed from the shape of the input.</summary>
    private string Extents(ReadOnlySpan<Extent> extents)
    {
        if (extents.ToArray().All(e => e.IsFixed))
            return _graph.Integers([.. extents.ToArray().Select(e => (long)e.Factor)]);
        return Emit("Concat", [.. extents.ToArray().Select(Single)], OnnxGraph.Attribute("axis", 0L));
    }

    /// <summary>One extent as int64 [1].</summary>
    private string Single(Extent extent)
    {
        if (extent.IsFixed)
            return _graph.Integers(extent.Factor);
        string size = extent.Batch ? InputExtent(0) : InputExtent(1);
        if (extent.Batch && extent.Sequence)
            size = Emit("Mul", [size, InputExtent(1)]);
        return extent.Factor == 1 ? size : Emit("Mul", [size, _graph.Integers(extent.Factor)]);
    }

    /// <summary>Extent of the first input's axis 0, the batch, or 1, the sequence.</summary>
    private string InputExtent(int axis) => _inputExtents[axis] ??=
        _graph.Node("Shape", axis == 0 ? Extent.BatchName : Extent.SequenceName, [_graph.Inputs[0].Name], OnnxGraph.Attribute("start", (long)axis), OnnxGraph.Attribute("end", axis + 1L));

    /// <summary>Gives a tensor another shape; both as they lie in the graph.</summary>
    private string ReshapeTo(string x, ReadOnlySpan<Extent> from, ReadOnlySpan<Extent> to)
    {
        var target = new long[to.Length];
        int open = 0;
        for (int i = 0; i < to.Length; i++)
        {
            bool copied = i < from.Length && from[i] == to[i];
            target[i] = to[i].IsFixed && to[i].Factor > 0 ? to[i].Factor : copied ? 0 : -1; // 0 takes the extent that is there, -1 what is left
            open += target[i] == -1 ? 1 : 0;
        }
        return Emit("Reshape", [x, open <= 1 ? _graph.Integers(target) : Extents(to)]);
    }

    private bool IsReadOnlyBy(Tensor tensor, Predicate<TracedOp> reader) =>
        !Array.Exists(_trace.Outputs, o => o == tensor) && _readers.TryGetValue(tensor, out List<TracedOp>? readers) && readers.TrueForAll(reader);
}

using Graft.Inference;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>What moves numbers: joining, cutting, exchanging axes, other shapes, windows.</content>
internal sealed partial class GraphExport
{
    private void AddConcat(TracedOp op, ConcatOp concat)
    {
        int rank = op.Output.Shape.Rank, axis = ShapeCheck.Axis(concat.Name, op.Output.Shape, concat.Axis);
        OnnxValue[] computed = [.. op.Inputs.Where(t => !IsWeight(t)).Select(Value).Where(v => !v.IsInteger)];
        int[] order = (computed.FirstOrDefault(v => !OnnxAxes.IsIdentity(v.Order)) ?? computed.FirstOrDefault())?.Order ?? OnnxAxes.Identity(rank);
        Define(op.Output, Emit("Concat", [.. op.Inputs.Select(t => In(t, order))], OnnxGraph.Attribute("axis", (long)Array.IndexOf(order, axis))), order);
    }

    private void AddSlice(TracedOp op, SliceOp slice)
    {
        Tensor x = op.Inputs[0];
        int axis = ShapeCheck.Axis(slice.Name, x.Shape, slice.Axis);
        if (IsWeight(x))
        {
            AddRows(op, slice, axis);
            return;
        }
        int[] order = Value(x).IsInteger ? OnnxAxes.Identity(x.Shape.Rank) : Value(x).Order;
        Extent extent = _trace.Of(x)[axis], length = _trace.Of(op.Output)[axis];
        if (!extent.IsFixed || !length.IsFixed)
            throw Refuse(op, $"it cuts axis {axis} of {x.Shape}, whose extent the file leaves open");
        int first = slice.Start < 0 ? slice.Start + extent.Factor : slice.Start;
        Define(op.Output, Slice(In(x, order), Array.IndexOf(order, axis), first, first + slice.Length, 1), order);
    }

    /// <summary>The first rows of a table, as many as the sequences are long: positions.</summary>
    private void AddRows(TracedOp op, SliceOp slice, int axis)
    {
        if (_trace.Of(op.Output)[axis] != new Extent(1, Sequence: true) || slice.Start != 0 || axis != 0)
            throw Refuse(op, $"it cuts {op.Inputs[0].Shape} by the batch");
        Define(op.Output, Emit("Gather", [Plain(op.Inputs[0]), Positions()], OnnxGraph.Attribute("axis", 0L)));
    }

    private string Slice(string x, long axis, long from, long end, long step) =>
        Emit("Slice", [x, _graph.Integers(from), _graph.Integers(end), _graph.Integers(axis), .. step == 1 ? [] : new[] { _graph.Integers(step) }]);

    /// <summary>Exchanged axes need no node: the same numbers are known under another order.</summary>
    private void AddPermute(TracedOp op, PermuteOp permute)
    {
        Tensor x = op.Inputs[0];
        int[] order = permute.Order(x.Shape);
        OnnxValue value = Value(x);
        string name = value.IsInteger ? Plain(x) : value.Name;
        Define(op.Output, name, Array.ConvertAll(value.Order, axis => Array.IndexOf(order, axis)));
    }

    private void AddReshape(TracedOp op)
    {
        Tensor x = op.Inputs[0];
        Extent[] from = _trace.Of(x), to = _trace.Of(op.Output);
        OnnxValue value = Value(x);
        if (from.AsSpan().SequenceEqual(to))
            _values[op.Output] = value;
        else if (!TryKeepSamples(op, from, to) && (value.IsInteger || OnnxAxes.IsIdentity(value.Order) || (!TryKeepOrder(op, value, from, to) && !TryJoin(op, value, from, to))))
            Define(op.Output, ReshapeTo(Plain(x), from, to));
    }

    /// <summary>Rows for a normalisation, [N G,W], are written as [N,G,W]: it looks at the last axis, and the samples stay by themselves.</summary>
    private bool TryKeepSamples(TracedOp op, Extent[] from, Extent[] to)
    {
        bool joins = to.Length == 2 && from.Length > 2 && from[0] is { Batch: true, Factor: 1, Sequence: false } && to[0] is { Batch: true, Factor: > 1, Sequence: false } && to[1].IsFixed;
        if (!joins || !IsReadOnlyBy(op.Output, r => r.Op is LayerNormOp && r.Inputs[0] == op.Output && IsReadOnlyBy(r.Output, next => next.Op is ReshapeOp)))
            return false;
        Define(op.Output, ReshapeTo(Plain(op.Inputs[0]), from, [from[0], new Extent(to[0].Factor), to[1]]));
        return true;
    }

    /// <summary>Where axes of extent 1 alone come or go, the others stay in the order in which they lie.</summary>
    private bool TryKeepOrder(TracedOp op, OnnxValue value, Extent[] from, Extent[] to)
    {
        int[] kept = [.. Enumerable.Range(0, from.Length).Where(i => !from[i].IsOne)], there = [.. Enumerable.Range(0, to.Length).Where(i => !to[i].IsOne)];
        if (!kept.Select(i => from[i]).SequenceEqual(there.Select(i => to[i])))
            return false;
        List<int> order = [.. value.Order.Where(kept.Contains).Select(a => there[Array.IndexOf(kept, a)])];
        for (int axis = to.Length - 1; axis >= 0; axis--)
        {
            if (to[axis].IsOne)
                order.Insert(order.IndexOf(axis + 1) is >= 0 and int next ? next : order.Count, axis);
        }
        string name = ReshapeTo(value.Name, OnnxAxes.Arrange(from, value.Order), OnnxAxes.Arrange(to, [.. order]));
        _values[op.Output] = new OnnxValue(name, [.. order]) { IsNonNegative = value.IsNonNegative };
        return true;
    }

    /// <summary>An image that is flattened for dense layers is flattened as it lies; their rows are exchanged instead.</summary>
    private bool TryJoin(TracedOp op, OnnxValue value, Extent[] from, Extent[] to)
    {
        bool flattens = to.Length == 2 && from[0] == to[0] && value.Order[0] == 0 && from.Skip(1).All(e => e.IsFixed);
        if (!flattens || !IsReadOnlyBy(op.Output, r => r.Op is DenseOp && r.Inputs[0] == op.Output && IsWeight(r.Inputs[1])))
            return false;
        var features = new Shape([.. from.Skip(1).Select(e => e.Factor)]);
        int[] order = [.. value.Order.Skip(1).Select(a => a - 1)];
        _values[op.Output] = new OnnxValue(Emit("Flatten", [value.Name], OnnxGraph.Attribute("axis", 1L)), [0, 1]) { Joined = (features, order) };
        return true;
    }

    /// <summary>Windows as channels: a slice for each place of the window, side by side.</summary>
    private void AddUnfold(TracedOp op, UnfoldOp unfold)
    {
        Tensor x = op.Inputs[0];
        int rank = x.Shape.Rank, axis = ShapeCheck.Axis(unfold.Name, x.Shape, unfold.Axis), windows = op.Output.Shape[axis];
        int[] order = Value(x).Order;
        (int at, int channels) = (Array.IndexOf(order, axis), Array.IndexOf(order, rank - 1));
        string padded = PadAxis(In(x, order), rank, at, unfold.Front, unfold.Back);
        int width = x.Shape[-1] / unfold.Groups;
        List<string> parts = [];
        for (int g = 0; g < unfold.Groups; g++)
        {
            string group = unfold.Groups == 1 ? padded : Slice(padded, channels, g * width, (g + 1) * width, 1);
            for (int s = 0; s < unfold.Window; s++)
                parts.Add(Slice(group, at, s * unfold.Dilation, s * unfold.Dilation + (windows - 1) * unfold.Stride + 1, unfold.Stride));
        }
        Define(op.Output, Emit("Concat", [.. parts], OnnxGraph.Attribute("axis", (long)channels)), order);
    }

    /// <summary>Windows added up where they overlap: for each place of the window its channels, with zeros between and around.</summary>
    private void AddFold(TracedOp op, FoldOp fold)
    {
        if (TryAddVolumeTransposed(op, fold))
            return;
        Tensor y = op.Inputs[0];
        int rank = y.Shape.Rank, axis = ShapeCheck.Axis(fold.Name, y.Shape, fold.Axis), windows = y.Shape[axis], extent = op.Output.Shape[axis], width = op.Output.Shape[-1];
        Extent[] shape = _trace.Of(y);
        shape[^1] = new Extent(width);
        List<string> parts = [];
        for (int s = 0; s < fold.Window; s++)
        {
            string part = Slice(Plain(y), rank - 1, s * width, (s + 1) * width, 1);
            if (fold.Stride > 1)
                part = Stretched(part, shape, axis, fold.Stride); // [..,P,..] -> [..,P stride,..]
            int front = s * fold.Dilation - fold.Front;
            parts.Add(PadAxis(part, rank, axis, front, extent - front - windows * fold.Stride));
        }
        Define(op.Output, parts.Count == 1 ? Emit("Identity", [parts[0]]) : Emit("Sum", [.. parts]));
    }

    private string Stretched(string x, Extent[] shape, int axis, int stride)
    {
        Extent[] apart = [.. shape[..(axis + 1)], new Extent(1), .. shape[(axis + 1)..]], together = [.. shape];
        together[axis] = new Extent(shape[axis].Factor * stride);
        string split = PadAxis(ReshapeTo(x, shape, apart), shape.Length + 1, axis + 1, 0, stride - 1);
        apart[axis + 1] = new Extent(stride);
        return ReshapeTo(split, apart, together);
    }

    /// <summary>Zeros before and behind an axis; negative counts cut.</summary>
    private string PadAxis(string x, int rank, int axis, int before, int after)
    {
        if (before == 0 && after == 0)
            return x;
        var pads = new long[2 * rank];
        (pads[axis], pads[axis + rank]) = (before, after);
        return Emit("Pad", [x, _graph.Integers(pads)]);
    }
}

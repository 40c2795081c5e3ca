using Graft.Kernels;

namespace Graft.Inference;

/// <summary>
/// Gives the values of a plan 16 bits wherever convolutions, dense layers and ops with kernels for them pass numbers on to each other. Numbers are rounded where they come in and widened
/// where they go out, or where an op has kernels for float32 alone; a dense layer that only such read writes float32 itself.
/// </summary>
/// <remarks>
/// Inputs and results stay float32. What stands behind the boundary reads float32 from there, as the numbers there may come from the feature cache and not from the steps before.
/// </remarks>
internal sealed class NarrowValues
{
    private readonly NarrowKernels _kernels;
    private readonly FrozenPart _part;
    private readonly Dictionary<Tensor, PlanValue> _values;
    private readonly HashSet<PlanValue> _results, _boundary;
    private readonly HashSet<PlanValue> _readNarrow = [];
    private readonly Dictionary<PlanValue, PlanValue> _wide = []; // the float32 form of a narrow value
    private readonly Dictionary<(PlanValue, bool IsFrozen), PlanValue> _narrow = []; // the 16 bits of a wide one
    private readonly List<PlanNode> _nodes = [];

    private NarrowValues(NarrowKernels kernels, FrozenPart part, IReadOnlyDictionary<Tensor, PlanValue> values)
    {
        (_kernels, _part, _values) = (kernels, part, new Dictionary<Tensor, PlanValue>(values));
        _results = [.. part.Results.Select(t => values[t].Root)];
        _boundary = [.. part.Boundary.Select(t => values[t].Root)];
    }

    /// <summary>The nodes with conversions among them, and the value of each tensor of the trace, in float32 for those that are handed out.</summary>
    public static (List<PlanNode> Nodes, IReadOnlyDictionary<Tensor, PlanValue> Values) Apply(
        List<PlanNode> nodes, IReadOnlyDictionary<Tensor, PlanValue> values, FrozenPart part, NarrowKernels kernels)
    {
        var narrow = new NarrowValues(kernels, part, values);
        foreach (OpNode op in nodes.OfType<OpNode>())
            op.IsNarrow = narrow.Takes(op);
        foreach (PlanNode node in nodes)
        {
            for (int i = 0; i < node.Inputs.Count; i++)
            {
                if (ReadsNarrow(node, i))
                    narrow._readNarrow.Add(node.Inputs[i].Root);
            }
        }
        nodes.ForEach(narrow.Add);
        foreach (Tensor result in part.Results)
            narrow._values[result] = narrow.HandedOut(narrow._values[result]);
        return (narrow._nodes, narrow._values);
    }

    /// <summary>True for an op with kernels for 16 bits, where all that it reads in them is computed, and what it makes is not handed out: a softmax keeps all its digits.</summary>
    private bool Takes(OpNode node)
    {
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            if (node.Op.ReadsNarrow(i) == node.Inputs[i].Root.Constant is not null)
                return false;
        }
        return !_results.Contains(node.Output.Root) && node.Op.HasNarrowForward(_kernels, [.. node.Inputs.Select(v => v.Shape)]);
    }

    private static bool ReadsNarrow(PlanNode node, int index) => node is FusedNode || (node is OpNode { IsNarrow: true } op && op.Op.ReadsNarrow(index));

    private void Add(PlanNode node)
    {
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            PlanValue value = node.Inputs[i];
            if (value.Root.Constant is not null)
                continue;
            node.Inputs[i] = ReadsNarrow(node, i) ? ViewOf(value, Narrowed(value.Root, node.IsFrozen)) : ViewOf(value, Widened(value.Root, node.IsFrozen));
        }
        PlanValue output = node.Output.Root;
        output.IsNarrow = node is ConvNode or OpNode { IsNarrow: true } || (node is DenseNode dense && (dense.Residual is not null || _readNarrow.Contains(output)));
        _nodes.Add(node);
        if (_results.Contains(output))
            Widened(output, node.IsFrozen); // at once: its place may serve others later
    }

    /// <summary>The value in 16 bits.</summary>
    private PlanValue Narrowed(PlanValue value, bool isFrozen)
    {
        bool isBrought = _boundary.Contains(value) && !isFrozen;
        if (value.IsNarrow && !isBrought)
            return value;
        PlanValue from = isBrought ? Widened(value, isFrozen) : value;
        if (!_narrow.TryGetValue((from, isFrozen), out PlanValue? narrow))
            _narrow.Add((from, isFrozen), narrow = Convert(from, isNarrow: true, isFrozen));
        return narrow;
    }

    /// <summary>The value in float32.</summary>
    private PlanValue Widened(PlanValue value, bool isFrozen)
    {
        if (!value.IsNarrow)
            return value;
        if (!_wide.TryGetValue(value, out PlanValue? wide))
            _wide.Add(value, wide = Convert(value, isNarrow: false, isFrozen));
        return wide;
    }

    private PlanValue Convert(PlanValue from, bool isNarrow, bool isFrozen)
    {
        var to = new PlanValue(from.Shape) { IsNarrow = isNarrow, IsNonNegative = from.IsNonNegative };
        var node = new ConvertNode { Output = to, Inputs = { from }, IsFrozen = isFrozen };
        to.Producer = node;
        if (from.Producer is { Layers.Count: > 0 } producer)
            node.Layers.Add(producer.Layers[^1]);
        _nodes.Add(node);
        return to;
    }

    private PlanValue HandedOut(PlanValue value)
    {
        if (value.Root.Constant is not null || !_wide.TryGetValue(value.Root, out PlanValue? wide))
            return value;
        wide.IsResult = true;
        return ViewOf(value, wide);
    }

    /// <summary>The same view of another root.</summary>
    private static PlanValue ViewOf(PlanValue value, PlanValue root) => value.Root == root ? value : value.Shape.Equals(root.Shape) ? root : new PlanValue(value.Shape) { ViewOf = root };
}

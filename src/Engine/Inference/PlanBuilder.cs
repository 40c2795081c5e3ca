using Graft.Ops;

namespace Graft.Inference;

/// <summary>
/// Turns the frozen part of a trace into the nodes of a plan, op by op in the order of the trace: each rewrite is asked whether the op
/// dissolves into what is there already; an op that none takes becomes a node of its own.
/// </summary>
internal sealed class PlanBuilder
{
    private readonly FrozenPart _part;
    private readonly Dictionary<Tensor, PlanValue> _values = [];
    private readonly List<PlanNode> _nodes = [];

    private PlanBuilder(FrozenPart part, bool isNarrow) => (_part, IsNarrow) = (part, isNarrow);

    /// <summary>The nodes in order, and the value that each tensor of the trace became.</summary>
    /// <param name="part">What is planned.</param>
    /// <param name="isNarrow">True where weights will have 16 bits.</param>
    public static (IReadOnlyList<PlanNode> Nodes, IReadOnlyDictionary<Tensor, PlanValue> Values) Build(FrozenPart part, bool isNarrow = false)
    {
        var builder = new PlanBuilder(part, isNarrow);
        foreach (Tensor input in part.Trace.Inputs)
            builder.Set(input, new PlanValue(input.Shape));
        for (int i = 0; i < part.IsIncluded.Length; i++)
        {
            TracedOp op = part.Trace.Ops[i];
            if (!part.IsIncluded[i] || part.Readers(op.Output) == 0)
                continue;
            builder.IsFrozen = part.IsFrozen(i);
            builder.Take(op);
            if (part.Results.Contains(op.Output))
                builder.Materialize(builder._values[op.Output]).Root.IsResult = true;
        }
        foreach (Tensor input in part.Trace.Inputs.Where(part.Results.Contains))
            builder._values[input].IsResult = true;
        return (builder._nodes, builder._values);
    }

    /// <summary>The value of a tensor of the trace; a parameter or constant where the trace did not make it.</summary>
    public PlanValue ValueOf(Tensor tensor)
    {
        if (!_values.TryGetValue(tensor, out PlanValue? value))
            _values.Add(tensor, value = new PlanValue(tensor.Shape) { Constant = tensor });
        return value;
    }

    /// <summary>Says that a value is what an op makes.</summary>
    public void Set(Tensor output, PlanValue value)
    {
        value.Readers = _part.Readers(output);
        _values[output] = value;
    }

    /// <summary>Says that an op adds nothing to a value: the op's readers read that value instead.</summary>
    public void Forward(Tensor output, PlanValue value)
    {
        value.Readers += _part.Readers(output) - 1;
        _values[output] = value;
    }

    /// <summary>True where weights will have 16 bits: those of dense layers are rounded once, whatever their size.</summary>
    public bool IsNarrow { get; }

    /// <summary>True while the op that is taken has no trainable parameter behind it.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Appends a node.</summary>
    public void Append(PlanNode node)
    {
        node.Output.Producer = node;
        _nodes.Add(node);
    }

    /// <summary>Brings a node behind all others: it now reads what they make.</summary>
    public void MoveToEnd(PlanNode node)
    {
        _nodes.Remove(node);
        _nodes.Add(node);
    }

    /// <summary>Place of a node among the others.</summary>
    public int PlaceOf(PlanNode node) => _nodes.IndexOf(node);

    /// <summary>The frozen weights that made a value, where nothing but the asking op reads it, and no activation was fused behind them yet.</summary>
    public static FusedNode? Open(PlanValue value) => value is { Producer: FusedNode { HasActivation: false } node, Readers: 1 } ? node : null;

    /// <summary>The same, where they are a convolution's.</summary>
    public static ConvNode? OpenConv(PlanValue value) => Open(value) as ConvNode;

    /// <summary>The value with its border of zeros in memory, for a reader that cannot take it otherwise.</summary>
    public PlanValue Materialize(PlanValue value)
    {
        if (value.PaddingOf is not var (image, border))
            return value;
        value.PaddingOf = null;
        Append(new OpNode(new Pad2DOp(border)) { Output = value, Inputs = { image }, IsFrozen = IsFrozen });
        return value;
    }

    private void Take(TracedOp op)
    {
        if (RemoveReshape.TryApply(this, op) || MergePadding.TryApply(this, op) || FoldBatchNorm.TryApply(this, op)
            || FuseResidual.TryApply(this, op) || FuseActivation.TryApply(this, op) || FreezeConv.TryApply(this, op)
            || FreezeDense.TryApply(this, op))
            return;
        var output = new PlanValue(op.Output.Shape) { IsNonNegative = FuseActivation.IsNonNegative(op.Op) };
        Set(op.Output, output);
        var node = new OpNode(op.Op) { Output = output, Layers = { op.Layer }, IsFrozen = IsFrozen };
        foreach (Tensor input in op.Inputs)
            node.Inputs.Add(Materialize(ValueOf(input)));
        Append(node);
    }
}

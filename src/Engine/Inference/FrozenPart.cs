namespace Graft.Inference;

/// <summary>
/// The part of a trace that a plan computes: ops without gradient, randomness or side effects whose inputs are in the part too. In
/// inference that is everything; in a training step, what is frozen and stands before the first trainable layer.
/// </summary>
internal sealed class FrozenPart
{
    private readonly HashSet<Tensor> _inside;
    private readonly HashSet<Tensor> _outside = [];
    private readonly Dictionary<Tensor, int> _readers = [];

    public FrozenPart(Trace trace)
    {
        Trace = trace;
        _inside = [.. trace.Inputs];
        IsIncluded = new bool[trace.Ops.Count];
        for (int i = 0; i < trace.Ops.Count; i++)
        {
            TracedOp op = trace.Ops[i];
            IsIncluded[i] = !op.IsWanted && op.Op.IsPure && !Array.Exists(op.Inputs, _outside.Contains);
            (IsIncluded[i] ? _inside : _outside).Add(op.Output);
        }
        FindResults();
        DropUnread();
    }

    public Trace Trace { get; }

    /// <summary>For each op of the trace, whether the plan computes it.</summary>
    public bool[] IsIncluded { get; }

    /// <summary>What is read outside of the part, or returned by the model.</summary>
    public HashSet<Tensor> Results { get; } = [];

    /// <summary>True where there is something to compute: more than other shapes for the same numbers.</summary>
    public bool HasWork => Trace.Ops.Where((op, i) => IsIncluded[i] && !op.Op.IsView).Any();

    /// <summary>True where a tensor is computed in the part, or is an input of the model.</summary>
    public bool Holds(Tensor tensor) => _inside.Contains(tensor);

    /// <summary>How often a tensor is read within the part, or handed out.</summary>
    public int Readers(Tensor tensor) => _readers.GetValueOrDefault(tensor) + (Results.Contains(tensor) ? 1 : 0);

    private void FindResults()
    {
        for (int i = 0; i < IsIncluded.Length; i++)
        {
            if (!IsIncluded[i])
                Results.UnionWith(Trace.Ops[i].Inputs.Where(_inside.Contains));
        }
        Results.UnionWith(Trace.Outputs.Where(_inside.Contains));
    }

    private void DropUnread()
    {
        for (int i = IsIncluded.Length - 1; i >= 0; i--)
        {
            TracedOp op = Trace.Ops[i];
            if (!IsIncluded[i] || Readers(op.Output) == 0)
                continue;
            foreach (Tensor input in op.Inputs)
                _readers[input] = _readers.GetValueOrDefault(input) + 1;
        }
    }
}

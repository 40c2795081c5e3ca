namespace Graft.Inference;

/// <summary>
/// The part of a trace that a plan computes: ops without randomness or side effects whose inputs are in the part too. In inference that is
/// everything; in a training step, what no trainable parameter is behind.
/// </summary>
/// <remarks>
/// What is frozen ends at the boundary: results of frozen ops that others read. A sample's boundary is always the same, whatever is learned behind
/// it, and can be kept from one epoch to the next.
/// </remarks>
internal sealed class FrozenPart
{
    private readonly HashSet<Tensor> _inside;
    private readonly HashSet<Tensor> _outside = [];
    private readonly HashSet<Tensor> _bare; // the inputs, and what is made from them without any weight
    private readonly HashSet<Tensor> _ofSamples; // the inputs, and all that depends on them; the rest is made of weights alone, whatever the samples
    private bool _readsBare;
    private readonly Dictionary<Tensor, int> _readers = [];

    public FrozenPart(Trace trace)
    {
        Trace = trace;
        _inside = [.. trace.Inputs];
        _bare = [.. trace.Inputs];
        _ofSamples = [.. trace.Inputs];
        IsIncluded = new bool[trace.Ops.Count];
        for (int i = 0; i < trace.Ops.Count; i++)
        {
            TracedOp op = trace.Ops[i];
            if (op.IsConstant)
                continue; // a parameter under another shape: neither computed nor outside
            IsIncluded[i] = op.Op.IsPure && !(trace.IsTraining && op.IsWanted) && !Array.Exists(op.Inputs, _outside.Contains);
            (IsIncluded[i] ? _inside : _outside).Add(op.Output);
            if (Array.Exists(op.Inputs, _ofSamples.Contains))
                _ofSamples.Add(op.Output);
            if (Array.TrueForAll(op.Inputs, _bare.Contains))
                _bare.Add(op.Output);
        }
        FindResults();
        DropUnread();
    }

    public Trace Trace { get; }

    /// <summary>For each op of the trace, whether the plan computes it.</summary>
    public bool[] IsIncluded { get; }

    /// <summary>What the plan hands out: what is read outside of it or returned by the model, and the boundary.</summary>
    public HashSet<Tensor> Results { get; } = [];

    /// <summary>
    /// Results of frozen ops that other ops read or that the model returns, in the order of the trace, a weight behind each; then inputs that are read too and are small
    /// beside these.
    /// </summary>
    public List<Tensor> Boundary { get; } = [];

    /// <summary>True where there is something to compute: more than other shapes for the same numbers.</summary>
    public bool HasWork => Trace.Ops.Where((op, i) => IsIncluded[i] && !op.Op.IsView).Any();

    /// <summary>True where the boundary is all that the rest needs, and all frozen ops compute each sample of a batch by itself.</summary>
    public bool CanBeginAtBoundary => Boundary.Count > 0 && !_readsBare && Trace.Ops.Where((op, i) => IsFrozen(i) && _ofSamples.Contains(op.Output)).All(op => op.Op.KeepsSamplesApart(Array.ConvertAll(op.Inputs, t => t.Shape)))
        && Boundary.All(t => _ofSamples.Contains(t) && t.Shape.Rank > 0 && t.Shape[0] == Trace.Inputs[0].Shape[0]);

    /// <summary>True where op <paramref name="i"/> is in the part and no trainable parameter is behind it.</summary>
    public bool IsFrozen(int i) => IsIncluded[i] && !Trace.Ops[i].IsWanted;

    /// <summary>How often a tensor is read within the part, or handed out.</summary>
    public int Readers(Tensor tensor) => _readers.GetValueOrDefault(tensor) + (Results.Contains(tensor) ? 1 : 0);

    private void FindResults()
    {
        var read = new HashSet<Tensor>(Trace.Outputs);
        for (int i = 0; i < IsIncluded.Length; i++)
        {
            if (!IsIncluded[i])
                Results.UnionWith(Trace.Ops[i].Inputs.Where(_inside.Contains));
            if (!IsFrozen(i))
                read.UnionWith(Trace.Ops[i].Inputs);
        }
        Results.UnionWith(Trace.Outputs.Where(_inside.Contains));
        Boundary.AddRange(Trace.Ops.Where((op, i) => IsFrozen(i) && read.Contains(op.Output) && !_bare.Contains(op.Output)).Select(op => op.Output));
        KeepSmallInputs(read);
        Results.UnionWith(Boundary);
    }

    /// <summary>Inputs that the rest reads too are kept along where they are no larger than the features: the ids of a text, numbers beside a photograph. Photographs are not.</summary>
    private void KeepSmallInputs(HashSet<Tensor> read)
    {
        Tensor[] bare = [.. Trace.Inputs.Concat(Trace.Ops.Select(op => op.Output)).Where(t => _bare.Contains(t) && read.Contains(t))];
        if (bare.Sum(Width) <= Boundary.Sum(Width))
            Boundary.AddRange(bare);
        else
            _readsBare = true;
    }

    private static long Width(Tensor tensor) => tensor.Shape.Count;

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

using Graft.Ops;

namespace Graft.Autograd;

/// <summary>
/// Gradient checkpointing: layers are gathered into segments; what a segment computed for itself is given back when forward has passed it, and computed
/// once more, from what the segments hand to each other, when backward comes to it. Chen et al. 2016, arXiv:1604.06174.
/// </summary>
/// <remarks>
/// The ops themselves run again, on the same inputs, with the same attributes (a Dropout's seed is one): the numbers have the same bits. No layer is
/// called twice, and <see cref="Op.Recompute"/> changes nothing but the op's own results. The last segment is not given back: backward begins there.
/// </remarks>
/// <param name="layers">Layers a segment; those that record nothing do not count.</param>
internal sealed class Checkpoints(int layers)
{
    private readonly Dictionary<Tensor, int> _producers = []; // the segment of the recorded op that made a tensor
    private readonly HashSet<Tensor> _crossing = []; // read by another segment than that
    private readonly HashSet<Tensor> _released = []; // forward needs it no more
    private readonly HashSet<Tensor> _read = []; // by backward
    private readonly List<int> _firsts = [0]; // the first recorded op of each segment
    private readonly List<Tensor> _remade = [];
    private int _layers, _seen;

    private int Current => _firsts.Count - 1;

    /// <summary>Says that a layer begins: the segment may end.</summary>
    public void NextLayer(List<OpCall> record)
    {
        if (record.Count == _seen)
            return; // what is frozen records nothing and does not count
        _seen = record.Count;
        if (++_layers % layers != 0)
            return;
        foreach (OpCall call in record[_firsts[^1]..])
        {
            if (_released.Contains(call.Output) && !_crossing.Contains(call.Output))
                call.Output.Drop();
            Array.ForEach(call.SavedTensors, s => s.Drop());
        }
        _firsts.Add(record.Count);
    }

    /// <summary>
    /// True where an input of a recorded op must stay: it comes from outside of the op's segment, which is computed from it again. It is noted then as what
    /// segments hand to each other.
    /// </summary>
    public bool Needs(OpCall call, int index)
    {
        if (_producers.TryGetValue(call.In(index), out int producer) && producer == Current)
            return false;
        _crossing.Add(call.In(index));
        return true;
    }

    /// <summary>Notes what an op made.</summary>
    public void Produced(OpCall call) => _producers[call.Output] = Current;

    /// <summary>Notes that backward reads a tensor.</summary>
    public void Reads(Tensor tensor) => _read.Add(tensor);

    /// <summary>Forward needs a tensor no more.</summary>
    /// <returns>False where no recorded op made it: it cannot be made again.</returns>
    public bool Release(Tensor tensor)
    {
        if (!_producers.TryGetValue(tensor, out int producer))
            return false;
        _released.Add(tensor);
        if (!_crossing.Contains(tensor) && (producer < Current || !_read.Contains(tensor)))
            tensor.Drop();
        return true;
    }

    /// <summary>Computes what backward will read of a segment, where op <paramref name="index"/> is the last of one that was given back.</summary>
    public void Enter(List<OpCall> record, int index, Func<Tensor, bool> hasGradient)
    {
        int segment = _firsts.IndexOf(index + 1) - 1;
        if (segment < 0 || !record[_firsts[segment]..(index + 1)].Exists(c => hasGradient(c.Output)))
            return;
        foreach (OpCall call in Needed(record[_firsts[segment]..(index + 1)]))
        {
            Remake(call);
            call.Op.Recompute(call);
            call.ReleaseTemporaries();
        }
    }

    /// <summary>Gives back what was computed again, where op <paramref name="index"/> was the first of its segment.</summary>
    public void Leave(int index)
    {
        if (!_firsts.Contains(index))
            return;
        _remade.ForEach(t => t.Drop());
        _remade.Clear();
    }

    /// <summary>The ops to run again, in order: those whose results backward reads, and those that these read.</summary>
    private List<OpCall> Needed(List<OpCall> calls)
    {
        var wanted = new HashSet<Tensor>();
        var needed = new List<OpCall>();
        for (int i = calls.Count - 1; i >= 0; i--)
        {
            OpCall call = calls[i];
            bool isMissing = call.Output.IsDropped && (_read.Contains(call.Output) || wanted.Contains(call.Output));
            if (!isMissing && !Array.Exists(call.SavedTensors, s => s.IsDropped))
                continue;
            foreach (Tensor input in call.Inputs)
                wanted.Add(input);
            needed.Add(call);
        }
        needed.Reverse();
        return needed;
    }

    private void Remake(OpCall call)
    {
        if (call.Output.IsDropped)
            Remake(call.Output, call.Op.IsView ? call.In(0) : null);
        foreach (Tensor saved in call.SavedTensors)
        {
            if (saved.IsDropped)
                Remake(saved, null);
        }
    }

    private void Remake(Tensor tensor, Tensor? viewOf)
    {
        tensor.Remake(viewOf);
        _remade.Add(tensor);
    }
}

namespace Graft.Models;

/// <summary>The k best of many scored candidates: a heap whose root is the worst of those kept. Of equals, the lower index is better.</summary>
internal sealed class TopSelection(int capacity)
{
    private readonly (double Score, int Index)[] _heap = new (double, int)[capacity];
    private int _count;

    /// <summary>Score that a candidate must exceed to be kept.</summary>
    public double Threshold => _count < capacity ? double.NegativeInfinity : _heap[0].Score;

    /// <summary>True until as many were offered as are kept.</summary>
    public bool HasRoom => _count < capacity;

    /// <summary>Forgets all.</summary>
    public void Clear() => _count = 0;

    /// <summary>Keeps a candidate if it is among the best so far.</summary>
    public void Offer(double score, int index)
    {
        if (_count < capacity)
        {
            int i = _count++;
            for (int parent = (i - 1) / 2; i > 0 && Worse((score, index), _heap[parent]); parent = (i - 1) / 2)
                (_heap[i], i) = (_heap[parent], parent);
            _heap[i] = (score, index);
        }
        else if (Worse(_heap[0], (score, index)))
        {
            SiftDown((score, index));
        }
    }

    /// <summary>Offers a row of scores, each with <paramref name="add"/> added and its place counted from <paramref name="firstIndex"/>.</summary>
    public void Offer(ReadOnlySpan<float> scores, double add, int firstIndex)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            double score = scores[i] + add;
            if (score > Threshold || HasRoom)
                Offer(score, firstIndex + i);
        }
    }

    /// <summary>Those kept, the best first. The selection is empty afterwards.</summary>
    public void TakeSorted(List<(double Score, int Index)> into)
    {
        into.Clear();
        while (_count > 0)
        {
            into.Add(_heap[0]);
            (double, int) last = _heap[--_count];
            if (_count > 0)
                SiftDown(last);
        }
        into.Reverse();
    }

    private void SiftDown((double Score, int Index) item)
    {
        int i = 0;
        for (int child = 1; child < _count; child = 2 * i + 1)
        {
            if (child + 1 < _count && Worse(_heap[child + 1], _heap[child]))
                child++;
            if (!Worse(_heap[child], item))
                break;
            (_heap[i], i) = (_heap[child], child);
        }
        _heap[i] = item;
    }

    private static bool Worse((double Score, int Index) a, (double Score, int Index) b) => a.Score < b.Score || (a.Score == b.Score && a.Index > b.Index);
}

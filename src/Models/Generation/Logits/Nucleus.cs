namespace Graft.Models;

/// <summary>Splits weighted tokens at a share of their weight without sorting them: a quickselect that weighs what it leaves behind.</summary>
internal sealed class Nucleus(int vocabulary)
{
    private readonly int[] _order = new int[vocabulary];
    private readonly float[] _keys = new float[vocabulary];
    private readonly float[] _weights = new float[vocabulary];
    private int _count;

    /// <summary>Tokens that take part.</summary>
    public int Count => _count;

    /// <summary>Forgets all.</summary>
    public void Clear() => _count = 0;

    /// <summary>A token takes part.</summary>
    public void Add(int token, float key, float weight)
    {
        _keys[token] = key;
        _weights[token] = weight;
        _order[_count++] = token;
    }

    /// <summary>
    /// The largest number of tokens that, taken from the lowest key upwards, weigh at most <paramref name="mass"/> together and are at most
    /// <paramref name="most"/>. Of equal keys, the lower token is the lower (the order of a stable sort).
    /// </summary>
    /// <returns>The tokens taken, and those left.</returns>
    public (ReadOnlyMemory<int> Taken, ReadOnlyMemory<int> Left) Split(double mass, int most)
    {
        int low = 0, high = _count;
        while (low < high)
        {
            int middle = Partition(low, high);
            double weight = 0;
            for (int i = low; i <= middle; i++)
                weight += _weights[_order[i]];
            if (weight <= mass && middle < most)
            {
                mass -= weight;
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return (_order.AsMemory(0, low), _order.AsMemory(low, _count - low));
    }

    /// <summary>Key of a token that takes part.</summary>
    public float Key(int token) => _keys[token];

    // Lomuto's scheme around the median of three; gives the pivot's place.
    private int Partition(int low, int high)
    {
        int middle = (low + high) / 2, last = high - 1;
        SwapIfGreater(low, middle);
        SwapIfGreater(low, last);
        SwapIfGreater(last, middle); // the median stands last
        int pivot = _order[last], place = low;
        for (int i = low; i < last; i++)
        {
            if (Lower(_order[i], pivot))
            {
                (_order[i], _order[place]) = (_order[place], _order[i]);
                place++;
            }
        }
        (_order[last], _order[place]) = (_order[place], pivot);
        return place;
    }

    private void SwapIfGreater(int a, int b)
    {
        if (Lower(_order[b], _order[a]))
            (_order[a], _order[b]) = (_order[b], _order[a]);
    }

    private bool Lower(int a, int b) => _keys[a] < _keys[b] || (_keys[a] == _keys[b] && a < b);
}

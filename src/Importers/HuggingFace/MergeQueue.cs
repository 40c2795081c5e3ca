namespace Graft.Importers.HuggingFace;

/// <summary>Merges the tokens of a long word: a list of tokens, linked both ways, and a queue of its pairs by rank and place.</summary>
internal ref struct MergeQueue
{
    private const int None = -1;

    private readonly MergeTable _table;
    private readonly Span<int> _ids;
    private readonly int[] _ranks, _next, _previous; // of the pair that begins at a place; places of its neighbours
    private readonly PriorityQueue<int, (int Rank, int Place)> _queue;
    private readonly List<int> _merged = [];

    /// <summary>A queue of the pairs of a word.</summary>
    public MergeQueue(MergeTable table, Span<int> ids)
    {
        _table = table;
        _ids = ids;
        _ranks = new int[ids.Length];
        _next = new int[ids.Length];
        _previous = new int[ids.Length];
        _queue = new PriorityQueue<int, (int Rank, int Place)>(ids.Length);
        for (int place = 0; place < ids.Length; place++)
        {
            _next[place] = place + 1 < ids.Length ? place + 1 : None;
            _previous[place] = place - 1;
            Look(place);
        }
    }

    /// <summary>Merges until no pair merges; moves what is left to the front and returns how many tokens that is.</summary>
    public readonly int Run()
    {
        while (_queue.TryPeek(out _, out (int Rank, int Place) first))
        {
            MergeAll(first.Rank);
            foreach (int place in _merged) // the new pairs wait until all of the rank are merged
            {
                Look(place);
                if (_previous[place] != None)
                    Look(_previous[place]);
            }
        }
        int count = 0;
        for (int place = _ids.IsEmpty ? None : 0; place != None; place = _next[place])
            _ids[count++] = _ids[place];
        return count;
    }

    // All pairs of a rank, from the left.
    private readonly void MergeAll(int rank)
    {
        _merged.Clear();
        while (_queue.TryPeek(out int place, out (int Rank, int Place) key) && key.Rank == rank)
        {
            _queue.Dequeue();
            if (_ranks[place] != rank)
                continue; // one of its two tokens has become part of another
            int eaten = _next[place];
            _ids[place] = _table.Product(rank);
            _ranks[place] = _ranks[eaten] = MergeTable.Never;
            _next[place] = _next[eaten];
            if (_next[eaten] != None)
                _previous[_next[eaten]] = place;
            _merged.Add(place);
        }
    }

    private readonly void Look(int place)
    {
        int rank = _next[place] == None ? MergeTable.Never : _table.Rank(_ids[place], _ids[_next[place]]);
        _ranks[place] = rank;
        if (rank != MergeTable.Never)
            _queue.Enqueue(place, (rank, place));
    }
}

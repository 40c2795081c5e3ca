using System.Text;

namespace Graft.Importers.HuggingFace;

/// <summary>How often each pair of neighbouring tokens comes in some words, kept true while pairs are merged.</summary>
internal sealed class PairCounts
{
    private readonly List<int[]> _words = [];
    private readonly List<int> _frequencies = [];
    private readonly Dictionary<(int Left, int Right), long> _counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _places = []; // words that have, or had, the pair
    private readonly PriorityQueue<(int Left, int Right), (long Count, int Left, int Right)> _queue = new(); // entries whose count has changed since are passed over

    /// <summary>Counts.</summary>
    /// <param name="words">Words, and how often each comes.</param>
    public PairCounts(IReadOnlyDictionary<string, int> words)
    {
        foreach ((string word, int frequency) in words)
        {
            _words.Add(Array.ConvertAll(Encoding.UTF8.GetBytes(word), b => (int)b));
            _frequencies.Add(frequency);
            Count(_words.Count - 1, 1);
        }
        foreach ((int, int) pair in _counts.Keys)
            Enqueue(pair);
    }

    /// <summary>The pair that comes most often, of several the one with the smallest ids; null where none comes <paramref name="fewest"/> times.</summary>
    public (int Left, int Right)? MostFrequent(int fewest)
    {
        while (_queue.TryDequeue(out (int Left, int Right) pair, out (long Count, int, int) rank))
        {
            long count = _counts.GetValueOrDefault(pair);
            if (count == -rank.Count)
                return count >= fewest ? pair : null;
        }
        return null;
    }

    /// <summary>Puts one token in the place of a pair, wherever it comes.</summary>
    public void Merge(int left, int right, int product)
    {
        var changed = new HashSet<(int, int)>();
        foreach (int word in _places[(left, right)].Order())
        {
            changed.UnionWith(Count(word, -1));
            _words[word] = Merged(_words[word], left, right, product);
            changed.UnionWith(Count(word, 1));
        }
        foreach ((int, int) pair in changed)
            Enqueue(pair);
    }

    private void Enqueue((int Left, int Right) pair)
    {
        if (_counts.GetValueOrDefault(pair) is long count and > 0)
            _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
    }

    // Adds a word's pairs, or takes them away.
    private HashSet<(int, int)> Count(int word, int sign)
    {
        int[] ids = _words[word];
        var pairs = new HashSet<(int, int)>();
        for (int i = 0; i + 1 < ids.Length; i++)
        {
            (int, int) pair = (ids[i], ids[i + 1]);
            pairs.Add(pair);
            _counts[pair] = _counts.GetValueOrDefault(pair) + sign * _frequencies[word];
            if (!_places.TryGetValue(pair, out HashSet<int>? places))
                _places[pair] = places = [];
            places.Add(word);
        }
        return pairs;
    }

    private static int[] Merged(int[] ids, int left, int right, int product)
    {
        var merged = new List<int>(ids.Length);
        for (int i = 0; i < ids.Length; i++)
        {
            bool isPair = i + 1 < ids.Length && ids[i] == left && ids[i + 1] == right;
            merged.Add(isPair ? product : ids[i]);
            i += isPair ? 1 : 0;
        }
        return [.. merged];
    }
}

namespace Graft.Importers.HuggingFace;

/// <summary>Merges the bytes of a word to tokens: of all neighbours that merge, those of the lowest rank, everywhere, from the left; then again.</summary>
/// <remarks>The two ways give the same tokens, those of Hugging Face's GPT2Tokenizer.bpe, also for tables whose merges are not in order of their
/// making. A word of n bytes takes O(n^2) by sweeps, which is fastest for words of a language, and O(n log n) by a queue.</remarks>
internal static class BytePairMerger
{
    private const int LongestSwept = 64; // beyond it the queue is faster

    /// <summary>Merges in place and returns how many tokens are left.</summary>
    public static int Merge(MergeTable table, Span<int> ids) => ids.Length <= LongestSwept ? MergeBySweeps(table, ids) : MergeByQueue(table, ids);

    /// <summary>Sweeps over the word once for each rank that is found in it. For words of at most 64 bytes.</summary>
    internal static int MergeBySweeps(MergeTable table, Span<int> ids)
    {
        int count = ids.Length;
        Span<int> ranks = stackalloc int[LongestSwept]; // [i]: rank of the pair that begins at i
        for (int i = 0; i + 1 < count; i++)
            ranks[i] = table.Rank(ids[i], ids[i + 1]);
        while (count > 1)
        {
            int best = MergeTable.Never;
            for (int i = 0; i + 1 < count; i++)
                best = Math.Min(best, ranks[i]);
            if (best == MergeTable.Never)
                break;
            int product = table.Product(best), left = 0;
            for (int i = 0; i < count; left++)
            {
                bool merges = i + 1 < count && ranks[i] == best;
                ids[left] = merges ? product : ids[i];
                ranks[left] = ranks[i];
                i += merges ? 2 : 1;
            }
            count = left;
            for (int i = 0; i + 1 < count; i++)
            {
                if (ids[i] == product || ids[i + 1] == product)
                    ranks[i] = table.Rank(ids[i], ids[i + 1]);
            }
        }
        return count;
    }

    /// <summary>Keeps the pairs in a queue by rank and place.</summary>
    internal static int MergeByQueue(MergeTable table, Span<int> ids)
    {
        const int End = -1;
        int count = ids.Length;
        int[] ranks = new int[count], next = new int[count], previous = new int[count];
        var queue = new PriorityQueue<int, (int Rank, int Place)>(count);
        for (int i = 0; i < count; i++)
        {
            next[i] = i + 1 < count ? i + 1 : End;
            previous[i] = i - 1;
            Look(i, ids);
        }
        var merged = new List<int>();
        while (queue.TryPeek(out _, out (int Rank, int Place) first))
        {
            merged.Clear();
            while (queue.TryPeek(out int place, out (int Rank, int Place) key) && key.Rank == first.Rank)
            {
                queue.Dequeue();
                if (ranks[place] != first.Rank)
                    continue; // one of its two tokens has become part of another
                int eaten = next[place];
                ids[place] = table.Product(first.Rank);
                ranks[place] = ranks[eaten] = MergeTable.Never;
                next[place] = next[eaten];
                if (next[eaten] != End)
                    previous[next[eaten]] = place;
                merged.Add(place);
            }
            foreach (int place in merged) // new pairs wait until all of this rank are merged
            {
                Look(place, ids);
                if (previous[place] != End)
                    Look(previous[place], ids);
            }
        }
        int left = 0;
        for (int i = count == 0 ? End : 0; i != End; i = next[i])
            ids[left++] = ids[i];
        return left;

        void Look(int place, Span<int> tokens)
        {
            int rank = next[place] == End ? MergeTable.Never : table.Rank(tokens[place], tokens[next[place]]);
            ranks[place] = rank;
            if (rank != MergeTable.Never)
                queue.Enqueue(place, (rank, place));
        }
    }
}

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
    internal static int MergeByQueue(MergeTable table, Span<int> ids) => new MergeQueue(table, ids).Run();
}

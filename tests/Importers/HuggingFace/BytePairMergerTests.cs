using Graft.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

public sealed class BytePairMergerTests
{
    [Fact]
    public void The_lowest_rank_is_merged_first_wherever_it_stands()
    {
        var table = new MergeTable(3);
        table.Add(1, 2, 10); // "bc" before "ab"
        table.Add(0, 1, 11);
        table.Add(11, 2, 12);
        int[] ids = [0, 1, 2, 0, 1];
        int count = BytePairMerger.Merge(table, ids);
        Assert.Equal([0, 10, 11], ids[..count]);
    }

    [Fact]
    public void A_pair_in_a_row_of_equal_tokens_is_merged_from_the_left()
    {
        var table = new MergeTable(2);
        table.Add(0, 0, 1);
        table.Add(1, 1, 2);
        int[] ids = [0, 0, 0, 0, 0, 0, 0];
        Assert.Equal([2, 1, 0], ids[..BytePairMerger.Merge(table, ids)]);
    }

    [Fact]
    public void A_pair_that_is_named_twice_has_its_later_rank()
    {
        var table = new MergeTable(3);
        table.Add(0, 1, 10);
        table.Add(1, 2, 11);
        table.Add(0, 1, 10);
        int[] ids = [0, 1, 2];
        Assert.Equal([0, 11], ids[..BytePairMerger.Merge(table, ids)]);
    }

    [Fact]
    public void Sweeps_and_queue_give_what_the_definition_gives_for_merges_in_any_order()
    {
        var random = new Random(11);
        for (int round = 0; round < 3000; round++)
        {
            int letters = random.Next(1, 5), merges = random.Next(1, 25);
            var table = new MergeTable(merges);
            var ranks = new Dictionary<(int, int), int>();
            for (int rank = 0; rank < merges; rank++)
            {
                (int, int) pair = (random.Next(letters + merges), random.Next(letters + merges)); // may need tokens that a later merge makes
                table.Add(pair.Item1, pair.Item2, letters + rank);
                ranks[pair] = rank;
            }
            int[] word = [.. Enumerable.Range(0, random.Next(0, 40)).Select(_ => random.Next(letters))];
            int[] expected = Definition(word, ranks, letters), swept = [.. word], queued = [.. word];
            Assert.Equal(expected, swept[..BytePairMerger.MergeBySweeps(table, swept)]);
            Assert.Equal(expected, queued[..BytePairMerger.MergeByQueue(table, queued)]);
        }
    }

    // As GPT2Tokenizer.bpe says it: the pair of lowest rank, all its occurrences from the left, until none merges.
    private static int[] Definition(int[] word, Dictionary<(int, int), int> ranks, int letters)
    {
        while (word.Length > 1)
        {
            (int, int) best = word.Zip(word.Skip(1)).MinBy(p => ranks.GetValueOrDefault(p, int.MaxValue));
            if (!ranks.TryGetValue(best, out int rank))
                break;
            var next = new List<int>();
            for (int i = 0; i < word.Length;)
            {
                bool merges = i + 1 < word.Length && (word[i], word[i + 1]) == best;
                next.Add(merges ? letters + rank : word[i]);
                i += merges ? 2 : 1;
            }
            word = [.. next];
        }
        return word;
    }
}

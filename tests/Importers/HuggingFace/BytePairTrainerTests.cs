using Graft.Importers.HuggingFace;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Byte-pair vocabularies that are learned from texts.</summary>
public sealed class BytePairTrainerTests
{
    // The example of Sennrich et al. 2016, section 3.2, without its end-of-word mark; equal counts go by the ids of bytes.
    [Fact]
    public void The_papers_words_are_merged_in_order_of_frequency()
    {
        var counts = new PairCounts(new Dictionary<string, int> { ["low"] = 5, ["lower"] = 2, ["newest"] = 6, ["widest"] = 3 });
        string[] pieces = [.. Enumerable.Range(0, 256).Select(b => ((char)b).ToString())];
        var merged = new List<string>();
        for (int i = 0; i < 6; i++)
        {
            (int left, int right) = counts.MostFrequent(2)!.Value;
            counts.Merge(left, right, pieces.Length);
            merged.Add(pieces[left] + pieces[right]);
            pieces = [.. pieces, merged[^1]];
        }
        Assert.Equal(["es", "est", "lo", "low", "ew", "new"], merged);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Merges_are_those_of_counting_all_pairs_anew_each_time(int seed)
    {
        var random = new Random(seed);
        string text = string.Concat(Enumerable.Range(0, 3000).Select(_ => "aaabbcde é "[random.Next(11)]));
        Gpt2Tokenizer tokenizer = BytePairTrainer.Train([text], 330);
        (int, int)[] merges = [.. tokenizer.Vocabulary.Merges.Pairs.OrderBy(p => p.Rank).Select(p => (p.Left, p.Right))];
        Assert.Equal(Plain(text, merges.Length), merges);
        Assert.Equal(330 - 257, merges.Length);
    }

    // Algorithm 1 of the paper, as it stands there.
    private static List<(int, int)> Plain(string text, int count)
    {
        var words = new List<List<int>>();
        var scanner = new WordScanner(text);
        while (scanner.MoveNext())
            words.Add([.. System.Text.Encoding.UTF8.GetBytes(scanner.Current.ToString()).Select(b => (int)b)]);
        var merges = new List<(int, int)>();
        while (merges.Count < count)
        {
            (int Left, int Right) best = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p).OrderByDescending(g => g.Count()).ThenBy(g => g.Key.First).ThenBy(g => g.Key.Second).First().Key;
            foreach (List<int> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] != best.Left || word[i + 1] != best.Right)
                        continue;
                    word[i] = 256 + merges.Count;
                    word.RemoveAt(i + 1);
                }
            }
            merges.Add(best);
        }
        return merges;
    }

    [Fact]
    public void Small_letters_are_learned_and_written_as_a_normalizer_of_tokenizer_json()
    {
        using var files = new TemporaryFiles();
        Gpt2Tokenizer learned = BytePairTrainer.Train(["Free FREE free", "fREE call NOW now"], 270, lowercases: true), cased = BytePairTrainer.Train(["Free FREE free", "fREE call NOW now"], 270);
        BytePairTrainer.Save(learned, files["folder"]);
        Assert.Equal(["tokenizer.json", "tokenizer_config.json"], Directory.GetFiles(files["folder"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Gpt2Tokenizer read = Gpt2Tokenizer.Open(files["folder"]);
        Assert.True(read.Lowercases);
        Assert.Equal((learned.VocabularySize, learned.EosToken), (read.VocabularySize, read.EosToken));
        foreach (string text in new[] { "free", "FREE call", "FREE<|endoftext|>NOW \u00c9\u0130 \U0001F600", "" })
        {
            Assert.Equal(learned.Encode(text), read.Encode(text));
            Assert.Equal(learned.Encode(text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal)), read.Encode(text));
        }
        Assert.Equal("free<|endoftext|>now \u00e9i\u0307", read.Decode(read.Encode("FREE<|endoftext|>NOW \u00c9\u0130")));
        Assert.Single(read.Encode("FREE")); // its four spellings are one word
        Assert.False(cased.Lowercases);
        Assert.True(cased.Encode("FREE").Length > 1);
    }

    [Fact]
    public void What_was_learned_is_read_again_and_encodes_any_text()
    {
        using var files = new TemporaryFiles();
        Gpt2Tokenizer learned = BytePairTrainer.Train([TinyText.Words, TinyText.Words], 300);
        BytePairTrainer.Save(learned, files["folder"]);
        Gpt2Tokenizer read = Gpt2Tokenizer.Open(files["folder"]);
        Assert.Equal((learned.VocabularySize, learned.VocabularySize - 1), (read.VocabularySize, read.EosToken!.Value));
        foreach (string text in new[] { TinyText.Words, "Ünknown 😀 things , and\tsigns", "" })
        {
            int[] ids = read.Encode(text);
            Assert.Equal(learned.Encode(text), ids);
            Assert.Equal(text, read.Decode(ids)); // spaces before punctuation too: no clean-up
        }
        Assert.True(read.Encode(TinyText.Words).Length < TinyText.Words.Length / 2);
        Assert.Equal([read.EosToken.Value], read.Encode("<|endoftext|>"));
    }

    [Fact]
    public void Merges_end_where_no_pair_comes_twice()
    {
        Gpt2Tokenizer tokenizer = BytePairTrainer.Train(["abab"], 1000);
        Assert.Equal(258, tokenizer.VocabularySize); // "ab"; "abab" comes once
        Assert.Equal(257, BytePairTrainer.Train(["abab"], BytePairTrainer.SmallestVocabulary).VocabularySize);
        Assert.Throws<ArgumentOutOfRangeException>(() => BytePairTrainer.Train(["a"], 256));
    }
}

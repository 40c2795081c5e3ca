using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Greedy search and sampling: what comes, when it ends, how it is padded.</summary>
public sealed class GenerationTests
{
    private static readonly int[] Prompt = [3, 1, 4];

    [Fact]
    public void Greedy_search_takes_the_most_probable_token_each_time()
    {
        var model = new HashModel(40);
        List<int> expected = [.. Prompt];
        var logits = new float[40];
        while (expected.Count < 20)
        {
            model.Compute(expected, logits, []);
            expected.Add(Array.IndexOf(logits, logits.Max()));
        }
        GeneratedSequence found = Assert.Single(model.Generate([Prompt]).Sequences);
        Assert.Equal(expected, found.Tokens);
        Assert.Equal(expected.Skip(3), found.Generated);
        Assert.Equal((0, 3, null, FinishReason.Length), (found.Prompt, found.PromptLength, found.Score, found.Finish));
        Assert.Equal(0, model.OpenSessions);
    }

    [Fact]
    public void Each_token_is_read_once()
    {
        var model = new HashModel(40);
        model.Generate([Prompt], new GenerationOptions { MaxNewTokens = 10 });
        Assert.Equal(3 + 9, model.TokensRead); // the last is not needed
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 3)]
    public void Prompts_of_different_lengths_give_what_each_gives_alone(bool penalties, int beams)
    {
        var model = new HashModel(40);
        int[][] prompts = [[7], [3, 1, 4, 1, 5], [9, 2]];
        var options = new GenerationOptions { MaxNewTokens = 12, NumBeams = beams, PadTokenId = 39, EosTokenIds = [5], RepetitionPenalty = penalties ? 1.5f : 1, NoRepeatNgramSize = penalties ? 2 : 0 };
        GenerationResult together = model.Generate(prompts, options);
        for (int i = 0; i < prompts.Length; i++)
        {
            GeneratedSequence alone = model.Generate([prompts[i]], options).Sequences[0];
            Assert.Equal(alone.Tokens, together.Sequences[i].Tokens);
            Assert.Equal((i, alone.Score, alone.Finish), (together.Sequences[i].Prompt, together.Sequences[i].Score, together.Sequences[i].Finish));
        }
        int[][] table = together.Padded();
        Assert.All(table, row => Assert.Equal(table[0].Length, row.Length));
        Assert.Equal([39, 39, 39, 39, 7], table[0][..5]);
        Assert.Equal([39, 39, 39, 9, 2], table[2][..5]);
    }

    [Fact]
    public void Padding_is_not_read_but_counts_for_lengths_and_stays_in_the_table()
    {
        var model = new HashModel(40);
        GenerationResult padded = model.Generate([[0, 0, 7], [3, 1, 4]], [[0, 0, 1], [1, 1, 1]], new GenerationOptions { MaxLength = 9 });
        Assert.Equal(model.Generate([[7]], new GenerationOptions { MaxNewTokens = 6 }).Sequences[0].Tokens, padded.Sequences[0].Tokens);
        Assert.Equal([0, 0, .. padded.Sequences[0].Tokens], padded.Padded()[0]);
    }

    [Fact]
    public void A_table_of_unequal_rows_needs_a_pad_token()
    {
        GenerationResult result = new HashModel(40).Generate([[7], Prompt]);
        Assert.Contains("PadTokenId", Assert.Throws<GraftException>(result.Padded).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_makes_sampling_repeat_and_another_gives_another_text()
    {
        var model = new HashModel(200, spread: 1);
        int[] Sample(int? seed) => [.. model.Generate([Prompt], new GenerationOptions { DoSample = true, TopK = 0, Seed = seed }).Sequences[0].Tokens];
        Assert.Equal(Sample(7), Sample(7));
        Assert.NotEqual(Sample(7), Sample(8));
        Assert.NotEqual(Sample(null), Sample(null)); // 17 tokens of 200: equal once in 10^30
        Assert.Equal("3 1 4 178 74 3 164 148", string.Join(' ', Sample(7)[..8])); // the same on every machine and in every release
    }

    [Fact]
    public void Samples_come_as_often_as_their_probability_says()
    {
        const int Samples = 20_000;
        var model = new HashModel(8, spread: 1);
        var options = new GenerationOptions { DoSample = true, MaxNewTokens = 1, NumReturnSequences = Samples, TopK = 0, Seed = 1 };
        int[] counts = new int[8];
        foreach (GeneratedSequence s in model.Generate([Prompt], options).Sequences)
            counts[s.Tokens[3]]++;
        double[] expected = [.. Enumerable.Range(0, 8).Select(t => Samples * Math.Exp(model.LogProbability([.. Prompt, t], 3)))];
        double chiSquare = counts.Zip(expected).Sum(p => (p.First - p.Second) * (p.First - p.Second) / p.Second);
        Assert.True(chiSquare < 24.3, $"{chiSquare}: {string.Join(' ', counts)}"); // 7 degrees of freedom: exceeded once in 1000 seeds
    }

    [Fact]
    public void Several_samples_of_a_long_prompt_read_it_once()
    {
        var model = new HashModel(40);
        int[] prompt = [.. Enumerable.Range(0, 30)];
        var options = new GenerationOptions { DoSample = true, MaxNewTokens = 1, NumReturnSequences = 4, Seed = 3 };
        GenerationResult four = model.Generate([prompt], options);
        Assert.Equal(30 + 3, model.TokensRead);
        Assert.Equal(model.Generate([prompt[^5..]], options with { NumReturnSequences = 1 }).Sequences.Count, four.Sequences.Select(s => s.Prompt).Distinct().Count());
        var logits = new float[40];
        model.Compute(prompt, logits, []);
        HashSet<int> likely = [.. Enumerable.Range(0, 40).OrderByDescending(t => logits[t]).Take(30)];
        Assert.All(model.Generate([prompt], options with { TopK = 30 }).Sequences, s => Assert.Contains(s.Tokens[30], likely));
    }

    [Fact]
    public void A_sequence_ends_at_an_end_of_text_and_others_go_on()
    {
        var model = new HashModel(40);
        var options = new GenerationOptions { MaxNewTokens = 15 };
        GenerationResult free = model.Generate([[7], Prompt], options);
        int end = free.Sequences[0].Tokens[4];
        GenerationResult ended = model.Generate([[7], Prompt], options with { EosTokenIds = [end], PadTokenId = 2 });
        Assert.Equal(FinishReason.EndOfText, ended.Sequences[0].Finish);
        Assert.Equal(free.Sequences[0].Tokens.Take(free.Sequences[0].Tokens.ToList().IndexOf(end, 1) + 1), ended.Sequences[0].Tokens);
        int[] row = ended.Padded()[0];
        Assert.Equal(Enumerable.Repeat(2, row.Length - 2 - ended.Sequences[0].Tokens.Count), row.Skip(2 + ended.Sequences[0].Tokens.Count));
    }

    [Fact]
    public void A_stop_string_ends_a_sequence_even_across_tokens()
    {
        var model = new HashModel(26);
        var options = new GenerationOptions { MaxNewTokens = 20, TokenText = () => new LetterText() };
        IReadOnlyList<int> free = model.Generate([Prompt], options).Sequences[0].Generated;
        string text = LetterText.Of(free);
        GeneratedSequence stopped = model.Generate([Prompt], options with { StopStrings = ["##", text[4..7]] }).Sequences[0];
        Assert.Equal(FinishReason.StopString, stopped.Finish);
        Assert.Equal(free.Take(text.IndexOf(text[4..7], StringComparison.Ordinal) + 3), stopped.Generated);
    }

    [Fact]
    public void A_prompt_of_one_token_is_followed_by_the_forced_one()
    {
        var model = new HashModel(40);
        var options = new GenerationOptions { ForcedBosTokenId = 11, MaxNewTokens = 4, BeginSuppressTokens = [12] };
        Assert.Equal(11, model.Generate([[7]], options).Sequences[0].Tokens[1]);
        IReadOnlyList<int> free = model.Generate([Prompt], options).Sequences[0].Generated;
        Assert.NotEqual(free[0], model.Generate([Prompt], options with { BeginSuppressTokens = [free[0]] }).Sequences[0].Generated[0]);
        int second = model.Generate([[7]], options).Sequences[0].Tokens[2];
        Assert.NotEqual(second, model.Generate([[7]], options with { BeginSuppressTokens = [second] }).Sequences[0].Tokens[2]); // "first" is behind the forced one
    }

    [Fact]
    public void A_processor_of_the_caller_s_own_takes_part()
    {
        GenerationResult result = new HashModel(40).Generate([Prompt], new GenerationOptions { LogitsProcessors = [new EvenOnly()] });
        Assert.All(result.Sequences[0].Generated, t => Assert.Equal(0, t % 2));
    }

    [Fact]
    public void A_token_allocates_nothing_of_the_vocabulary_s_size()
    {
        const int Vocabulary = 50_000, Tokens = 40;
        var options = new GenerationOptions { DoSample = true, TopP = 0.9f, TypicalP = 0.9f, Temperature = 0.7f, RepetitionPenalty = 1.2f, NoRepeatNgramSize = 3, MaxNewTokens = Tokens + 1, Seed = 1 };
        var model = new StillModel(Vocabulary);
        using var decoding = new TokenDecoding(model, PromptBatch.Of([Prompt], Vocabulary), options, GenerationLengths.Of(options, 3));
        decoding.Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        while (!decoding.IsDone)
            decoding.Step();
        long perToken = (GC.GetAllocatedBytesForCurrentThread() - before) / Tokens;
        Assert.True(perToken < 1024, $"{perToken} bytes a token");
    }

    private sealed class EvenOnly : LogitsProcessor
    {
        public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
        {
            for (int i = 1; i < logits.Length; i += 2)
                logits[i] = float.NegativeInfinity;
        }
    }

    /// <summary>Gives the same logits always, and allocates nothing.</summary>
    private sealed class StillModel(int vocabulary) : CausalSession, ICausalModel
    {
        public override int Sequences => 1;

        public override int VocabularySize => vocabulary;

        public override int Capacity => MaxLength;

        public int MaxLength => 64;

        public CausalSession Open(int sequences, int capacity) => this;

        public override int Length(int sequence) => 0;

        public override void Read(IReadOnlyList<int[]> tokens, Span<float> logits)
        {
            for (int i = 0; i < logits.Length; i++)
                logits[i] = i % 97 * 0.1f;
        }

        public override void Reorder(ReadOnlySpan<int> parents)
        {
        }

        public override void Dispose()
        {
        }
    }
}

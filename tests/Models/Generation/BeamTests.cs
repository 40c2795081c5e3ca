using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Beam search where the best can be found by looking at all, and what its variants promise.</summary>
public sealed class BeamTests
{
    private const double Tolerance = 1e-5; // relative: float32 log-probabilities

    private static readonly int[] Prompt = [3, 1];

    [Theory]
    [InlineData(3, 16)]
    [InlineData(4, 64)]
    public void Beams_as_many_as_there_are_prefixes_find_the_best_of_all_continuations(int length, int beams)
    {
        var model = new HashModel(4);
        GeneratedSequence found = model.Generate([Prompt], new GenerationOptions { NumBeams = beams, MaxNewTokens = length }).Sequences[0];
        IEnumerable<int[]> all = [[]];
        for (int i = 0; i < length; i++)
            all = [.. all.SelectMany(c => Enumerable.Range(0, 4).Select(t => (int[])[.. c, t]))];
        int[] best = all.MaxBy(c => model.LogProbability([.. Prompt, .. c], 2))!;
        Assert.Equal(best, found.Generated);
        Near(model.LogProbability(found.Tokens, 2) / length, found.Score);
    }

    [Fact]
    public void Scores_are_log_probabilities_over_generated_length_to_the_penalty_and_fall()
    {
        var model = new HashModel(12);
        var options = new GenerationOptions { NumBeams = 5, NumReturnSequences = 5, MaxNewTokens = 8, LengthPenalty = 0.5f, EosTokenIds = [4], PadTokenId = 0, EarlyStopping = BeamStopping.On };
        IReadOnlyList<GeneratedSequence> found = model.Generate([Prompt], options).Sequences;
        Assert.Equal(5, found.Select(s => string.Join(',', s.Tokens)).Distinct().Count());
        Assert.Contains(found, s => s.Finish == FinishReason.EndOfText && s.Tokens[^1] == 4);
        foreach (GeneratedSequence s in found)
            Near(model.LogProbability(s.Tokens, 2) / Math.Pow(s.Generated.Count, 0.5), s.Score);
        Assert.Equal(found.OrderByDescending(s => s.Score), found);
    }

    [Fact]
    public void Sampled_beams_repeat_with_a_seed_and_score_what_they_are()
    {
        var model = new HashModel(30);
        var options = new GenerationOptions { NumBeams = 3, NumReturnSequences = 3, DoSample = true, TopK = 0, MaxNewTokens = 6, Seed = 5 };
        IReadOnlyList<GeneratedSequence> found = model.Generate([Prompt], options).Sequences;
        Assert.Equal(found.Select(s => string.Join(',', s.Tokens)), model.Generate([Prompt], options).Sequences.Select(s => string.Join(',', s.Tokens)));
        Assert.NotEqual(found.Select(s => string.Join(',', s.Tokens)), model.Generate([Prompt], options with { Seed = 6 }).Sequences.Select(s => string.Join(',', s.Tokens)));
        foreach (GeneratedSequence s in found)
            Near(model.LogProbability(s.Tokens, 2) / 6, s.Score);
        Assert.Equal(0, model.OpenSessions);
    }

    [Fact]
    public void Perturbed_scores_are_greatest_as_often_as_their_probability_says()
    {
        const int Draws = 20_000;
        double[] logits = [0.5, -1, 2, 0, 1.2];
        int[] counts = new int[5];
        for (int draw = 0; draw < Draws; draw++)
        {
            ulong stream = RandomSeed.Of(3, draw, 0);
            counts[Enumerable.Range(0, 5).MaxBy(i => TokenSampler.Perturbed(logits[i], stream, i))]++;
        }
        double sum = logits.Sum(Math.Exp);
        double chiSquare = counts.Zip(logits).Sum(p => Math.Pow(p.First - Draws * Math.Exp(p.Second) / sum, 2) / (Draws * Math.Exp(p.Second) / sum));
        Assert.True(chiSquare < 18.5, $"{chiSquare}: {string.Join(' ', counts)}"); // 4 degrees of freedom: exceeded once in 1000 seeds
    }

    [Fact]
    public void Groups_with_a_strong_penalty_start_differently()
    {
        var model = new HashModel(30);
        var options = new GenerationOptions { NumBeams = 4, NumBeamGroups = 4, DiversityPenalty = 100, NumReturnSequences = 4, MaxNewTokens = 5 };
        Assert.Equal(4, model.Generate([Prompt], options).Sequences.Select(s => s.Generated[0]).Distinct().Count());
    }

    [Fact]
    public void A_finished_batch_of_beams_waits_for_the_others_unchanged()
    {
        var model = new HashModel(12);
        var options = new GenerationOptions { NumBeams = 2, MaxNewTokens = 20, EosTokenIds = [4, 5, 6], PadTokenId = 0, EarlyStopping = BeamStopping.On };
        int[][] prompts = [[3, 1], [7, 2], [9, 9], [0, 11]];
        IReadOnlyList<GeneratedSequence> together = model.Generate(prompts, options).Sequences;
        Assert.True(together.Select(s => s.Tokens.Count).Distinct().Count() > 1);
        for (int i = 0; i < prompts.Length; i++)
            Assert.Equal(model.Generate([prompts[i]], options).Sequences[0].Tokens, together[i].Tokens);
    }

    private static void Near(double expected, double? found) => Assert.True(Math.Abs(expected - found!.Value) <= Tolerance * Math.Abs(expected), $"{found}, not {expected}");
}

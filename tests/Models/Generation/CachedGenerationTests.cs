using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Kept keys and values change nothing: the same texts as from a model that reads everything anew for each token.</summary>
public sealed class CachedGenerationTests
{
    private static readonly Gpt2Config Config = new() { VocabularySize = 90, Positions = 48, Width = 32, Blocks = 2, Heads = 4, InitializerRange = 0.5f, EosToken = null };

    [Theory]
    [InlineData("greedy")]
    [InlineData("penalties")]
    [InlineData("samples")]
    [InlineData("beams")]
    [InlineData("groups")]
    [InlineData("sampled beams")]
    public void Cached_equals_uncached_token_for_token(string what)
    {
        Gpt2 gpt = Gpt2.Build(Config);
        int[][] prompts = [[5, 17, 80, 2, 44, 9, 31, 60, 7, 12], [8], [70, 3, 3]];
        GenerationOptions options = Options(what);
        IReadOnlyList<GeneratedSequence> cached = gpt.Generate(prompts, options).Sequences, anew = new Uncached(gpt).Generate(prompts, options).Sequences;
        Assert.Equal(anew.Select(s => string.Join(' ', s.Tokens)), cached.Select(s => string.Join(' ', s.Tokens)));
        Assert.True(cached.SelectMany(s => s.Generated).Distinct().Count() > 10, "The texts say too little to compare.");
        gpt.Release();
    }

    private static GenerationOptions Options(string what)
    {
        var options = new GenerationOptions { MaxLength = 48, EosTokenIds = [33, 34], Seed = 4 };
        return what switch
        {
            "greedy" => options,
            "penalties" => options with { RepetitionPenalty = 1.3f, NoRepeatNgramSize = 2, EosTokenIds = [] },
            "samples" => options with { DoSample = true, Temperature = 1.5f, TopP = 0.95f, NumReturnSequences = 3 },
            "beams" => options with { NumBeams = 4, NumReturnSequences = 4, NoRepeatNgramSize = 3 },
            "groups" => options with { NumBeams = 4, NumBeamGroups = 2, DiversityPenalty = 1, NumReturnSequences = 2, NoRepeatNgramSize = 3 },
            _ => options with { NumBeams = 3, DoSample = true, NumReturnSequences = 2 },
        };
    }

    /// <summary>Opens a session for every reading and closes it again.</summary>
    private sealed class Uncached(Gpt2 gpt) : RecomputingModel(gpt.VocabularySize, gpt.MaxLength, hiddenSize: 0)
    {
        public override void Compute(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden)
        {
            using CausalSession session = gpt.Open(1, tokens.Count);
            session.Read([[.. tokens]], logits);
        }
    }
}

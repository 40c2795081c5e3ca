using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>What cannot be generated is refused at once, in words that say how to mend it.</summary>
public sealed class GenerationErrorTests
{
    private static readonly int[] Prompt = [3, 1, 4];

    public static TheoryData<string, GenerationOptions> BadOptions => new()
    {
        { "MaxLength is 0", new() { MaxLength = 0 } },
        { "MaxNewTokens is 0", new() { MaxNewTokens = 0 } },
        { "TopK is -1", new() { DoSample = true, TopK = -1 } },
        { "TopP is 1.5", new() { DoSample = true, TopP = 1.5f } },
        { "TopP is 0", new() { DoSample = true, TopP = 0 } },
        { "Temperature is 0", new() { DoSample = true, Temperature = 0 } },
        { "Temperature is NaN", new() { DoSample = true, Temperature = float.NaN } },
        { "RepetitionPenalty is -1", new() { RepetitionPenalty = -1 } },
        { "EpsilonCutoff is 1", new() { DoSample = true, EpsilonCutoff = 1 } },
        { "LengthPenalty is NaN", new() { NumBeams = 2, LengthPenalty = float.NaN } },
        { "PenaltyAlpha is 2", new() { PenaltyAlpha = 2 } },
        { "Temperature 0.7 acts on sampling only", new() { Temperature = 0.7f } },
        { "TopP 0.5 acts on sampling only", new() { TopP = 0.5f } },
        { "TypicalP 0.5 acts on sampling only", new() { TypicalP = 0.5f } },
        { "same sequence each time", new() { NumReturnSequences = 2 } },
        { "more than NumBeams", new() { NumBeams = 2, NumReturnSequences = 3 } },
        { "make it a multiple", new() { NumBeams = 4, NumBeamGroups = 3, DiversityPenalty = 1 } },
        { "would all find the same", new() { NumBeams = 4, NumBeamGroups = 2 } },
        { "do not sample", new() { NumBeams = 4, NumBeamGroups = 2, DiversityPenalty = 1, DoSample = true } },
        { "set NumBeamGroups above 1", new() { NumBeams = 4, DiversityPenalty = 1 } },
        { "EarlyStopping Never acts on beam search only", new() { EarlyStopping = BeamStopping.Never } },
        { "LengthPenalty 2 acts on beam search only", new() { LengthPenalty = 2 } },
        { "StopStrings do not end beams", new() { NumBeams = 2, StopStrings = ["."], TokenText = () => new LetterText() } },
        { "StopStrings need the text", new() { StopStrings = ["."] } },
        { "empty stop string", new() { StopStrings = [""], TokenText = () => new LetterText() } },
        { "neither samples nor has beams", new() { PenaltyAlpha = 0.5f, DoSample = true } },
        { "leaves no choice", new() { PenaltyAlpha = 0.5f, TopK = 1 } },
        { "does not give hidden states", new() { PenaltyAlpha = 0.5f } },
        { "word without tokens", new() { BadWordsIds = [[]] } },
        { "EosTokenIds has token 40", new() { EosTokenIds = [40] } },
        { "PadTokenId has token -1", new() { PadTokenId = -1 } },
        { "BadWordsIds has token 99", new() { BadWordsIds = [[1, 99]] } },
        { "At least 18 new tokens are asked for", new() { MinNewTokens = 18 } },
        { "At least 27 new tokens are asked for", new() { MinLength = 30 } },
        { "MaxLength, which counts them, is 3", new() { MaxLength = 3 } },
        { "at most 61", new() { MaxLength = 65 } },
        { "at most 61", new() { MaxNewTokens = 62 } },
        { "forbid every token", new() { SuppressTokens = [.. Enumerable.Range(0, 40)] } },
        { "do not fit one array", new() { DoSample = true, NumReturnSequences = 100_000_000 } },
        { "all 40 of the vocabulary do", new() { NumBeams = 2, EosTokenIds = [.. Enumerable.Range(0, 40)] } },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Options_that_cannot_be_met_are_named(string part, GenerationOptions options)
    {
        var model = new HashModel(40);
        Assert.Contains(part, Assert.Throws<GraftException>(() => model.Generate([Prompt], options)).Message, StringComparison.Ordinal);
        Assert.Equal(0, model.OpenSessions);
    }

    [Fact]
    public void Prompts_that_cannot_be_read_are_named()
    {
        var model = new HashModel(40);
        Fails("Prompt 1 is empty", () => model.Generate([Prompt, []]));
        Fails("no prompt", () => model.Generate([]));
        Fails("Prompt 0 has token 40", () => model.Generate([[40]]));
        Fails("Prompt 0 has token -1", () => model.Generate([[-1]]));
        Fails("holds sequences of 64", () => model.Generate([new int[64]], new GenerationOptions { MaxLength = 100 }));
        Fails("attention mask", () => model.Generate([Prompt], [[1, 1]]));
        Fails("1 rows of tokens came with 2", () => model.Generate([Prompt], [[1, 1, 1], [1, 1, 1]]));
        Fails("pad at the left", () => model.Generate([Prompt], [[1, 1, 0]]));
        Fails("padding only", () => model.Generate([Prompt], [[0, 0, 0]]));
        Fails("other than 0", () => model.Generate([Prompt], [[0, 2, 1]]));
        Fails("pad the rows to one length", () => model.Generate([Prompt, [1]], [[1, 1, 1], [1]]));
    }

    [Fact]
    public void A_stream_is_refused_at_the_call_not_at_its_first_token()
    {
        var model = new HashModel(40);
        Fails("A stream is one sequence", () => model.GenerateTokensAsync(Prompt, new GenerationOptions { NumBeams = 2 }));
        Fails("is empty", () => model.GenerateTokensAsync([]));
        Fails("no room", () => model.GenerateTokensAsync(Prompt, new GenerationOptions { MaxLength = 2 }));
        Fails("set TokenText", () => model.GenerateTextAsync(Prompt, new GenerationOptions()));
    }

    [Theory]
    [InlineData(float.NaN, "not a number")]
    [InlineData(float.PositiveInfinity, "infinity")]
    public void Logits_that_are_no_numbers_are_refused(float value, string part)
    {
        foreach (int vocabulary in new[] { 3, 16, 37 }) // within a vector and in the tail
        {
            for (int place = 0; place < vocabulary; place++)
            {
                var logits = new float[vocabulary];
                logits[place] = value;
                Fails(part, () => LogProbabilities.ArgMax(logits));
                Fails(part, () => LogProbabilities.Normalize(logits));
            }
        }
    }

    private static void Fails(string part, Action action) => Assert.Contains(part, Assert.Throws<GraftException>(action).Message, StringComparison.Ordinal);
}

using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Tokens and text as they come, and the end of it when the caller has had enough.</summary>
public sealed class StreamTests
{
    private static readonly int[] Prompt = [3, 1, 4];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_gives_what_Generate_gives(bool sample)
    {
        var model = new HashModel(40);
        var options = new GenerationOptions { MaxNewTokens = 30, DoSample = sample, Seed = 2, EosTokenIds = [5], TokenText = () => new LetterText() };
        IReadOnlyList<int> expected = model.Generate([Prompt], options).Sequences[0].Generated;
        Assert.Equal(expected, await ToList(model.GenerateTokensAsync(Prompt, options)));
        List<string> pieces = await ToList(model.GenerateTextAsync(Prompt, options));
        Assert.Equal(LetterText.Of(expected), string.Concat(pieces));
        Assert.All(pieces, p => Assert.NotEqual("", p));
        Assert.Equal(0, model.OpenSessions);
    }

    [Fact]
    public async Task Text_ends_with_what_was_held_back()
    {
        var model = new HashModel(40);
        var options = new GenerationOptions { MaxNewTokens = 4, TokenText = () => new LetterText(), LogitsProcessors = [new Always(30)] };
        Assert.Equal(["EEEE"], await ToList(model.GenerateTextAsync(Prompt, options)));
    }

    [Fact]
    public async Task Tokens_are_computed_when_they_are_asked_for()
    {
        var model = new HashModel(40);
        var read = new List<int>();
        await foreach (int token in model.GenerateTokensAsync(Prompt, new GenerationOptions { MaxNewTokens = 10 }))
        {
            Assert.InRange(token, 0, 39);
            read.Add(model.TokensRead);
            if (read.Count == 3)
                break;
        }
        Assert.Equal([3, 4, 5], read);
        Assert.Equal(0, model.OpenSessions); // leaving the loop closes the session
    }

    [Fact]
    public async Task Cancellation_ends_a_stream_between_tokens()
    {
        var model = new HashModel(40);
        using var stop = new CancellationTokenSource();
        int count = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (int _ in model.GenerateTokensAsync(Prompt, new GenerationOptions { MaxNewTokens = 10 }, stop.Token))
            {
                if (++count == 4)
                    await stop.CancelAsync();
            }
        });
        Assert.Equal((4, 0), (count, model.OpenSessions));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(1, true)]
    public void Cancellation_ends_a_run_between_tokens(int beams, bool contrastive)
    {
        using var stop = new CancellationTokenSource();
        var model = new CancellingModel(stop, after: 5);
        var options = new GenerationOptions { MaxNewTokens = 20, NumBeams = beams, PenaltyAlpha = contrastive ? 0.5f : null, TopK = 3 };
        Assert.Throws<OperationCanceledException>(() => model.Generate([Prompt], options, stop.Token));
        Assert.Equal((5, 0), (model.Steps, model.OpenSessions));
    }

    private static async Task<List<T>> ToList<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (T item in items)
            list.Add(item);
        return list;
    }

    private sealed class Always(int token) : LogitsProcessor
    {
        public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits) => logits[token] = 100;
    }

    /// <summary>Asks for cancellation when a sequence has grown by some tokens.</summary>
    private sealed class CancellingModel(CancellationTokenSource stop, int after) : RecomputingModel(20, 64, hiddenSize: 2)
    {
        public int Steps { get; private set; }

        public override void Compute(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden)
        {
            for (int i = 0; i < logits.Length; i++)
                logits[i] = (i * 7 + tokens[^1] * 3 + tokens.Count) % 20;
            hidden.Fill(1);
            Steps = Math.Max(Steps, tokens.Count - Prompt.Length + 1);
            if (Steps == after)
                stop.Cancel();
        }
    }
}

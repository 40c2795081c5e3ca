using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;
using Graft.Tests.Training;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Perplexity by way of sessions: that of the layer graph, and in fewer bits a little more or less.</summary>
public sealed class TextPerplexityTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(3)] // a last block that is not full
    [InlineData(800)] // more blocks than are read side by side
    public void In_floats_it_is_what_evaluation_gives(int repeats)
    {
        Gpt2 gpt = TinyText.Model();
        TokenizedText text = TokenizedText.Of([string.Concat(Enumerable.Repeat(TinyText.Words, repeats))], TinyText.Tokenizer);
        gpt.Compile(new AdamW(), TextBlocks.Loss, Metric.Perplexity);
        double expected = gpt.Evaluate(new TextBlocks(text, TinyText.Length, 4), cancellationToken: Token)["perplexity"];
        Assert.Equal(expected, TextPerplexity.Of(gpt, text.Tokens, TinyText.Length, Token), 1e-4 * expected); // mean losses of batches are floats
        gpt.Release();
    }

    [Fact]
    public void Fewer_bits_change_it_little_and_take_fewer_bytes()
    {
        Gpt2 gpt = TinyText.Model(width: 128); // rows of 8 bits are filled up to whole blocks
        gpt.Compile(new AdamW(3e-3f), TextBlocks.Loss);
        gpt.Fit(TinyText.Blocks(), epochs: 10);
        IReadOnlyList<int> tokens = TokenizedText.Of([TinyText.Words + TinyText.Words], TinyText.Tokenizer).Tokens;
        var found = new List<(double Perplexity, long Bytes)>();
        foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
        {
            gpt.Precision = precision;
            found.Add((TextPerplexity.Of(gpt, tokens, TinyText.Length, Token), gpt.ProductBytes));
        }
        Assert.InRange(found[1].Perplexity / found[0].Perplexity, 0.99, 1.01); // bf16: 8 bits of mantissa, 2e-3 a weight
        Assert.InRange(found[2].Perplexity / found[0].Perplexity, 0.95, 1.05); // int8 of weights and inputs: 4e-3 of the largest
        Assert.Equal(3, found.Select(f => f.Perplexity).Distinct().Count());
        Assert.True(found[0].Bytes > found[1].Bytes && found[1].Bytes > found[2].Bytes, string.Join(' ', found));
        gpt.Release();
    }

    [Fact]
    public void Too_few_tokens_long_blocks_and_foreign_tokens_are_refused()
    {
        Gpt2 gpt = TinyText.Model();
        Assert.Contains("two or more", Assert.Throws<GraftException>(() => TextPerplexity.Of(gpt, [1], 4, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("1 to 8", Assert.Throws<GraftException>(() => TextPerplexity.Of(gpt, [1, 2], 9, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("99", Assert.Throws<GraftException>(() => TextPerplexity.Of(gpt, [1, 2, 99], 4, Token)).Message, StringComparison.Ordinal);
        gpt.Release();
    }
}

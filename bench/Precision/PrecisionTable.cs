using System.Globalization;
using System.Text;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Bench.Precision;

/// <summary>Perplexity and bytes by the precision that weights are stored in.</summary>
internal static class PrecisionTable
{
    private const double Tolerance = 1e-4; // relative, of two ways to compute the same perplexity in floats: sums in another order

    /// <summary>The table.</summary>
    /// <exception cref="GraftException">Sessions in floats do not give the perplexity of the layer graph: the figures would be wrong.</exception>
    public static string Of(CharacterModel of)
    {
        Gpt2 model = of.Model;
        double graph = of.GraphPerplexity(), floats = 0;
        long floatBytes = 0;
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"GPT-2, {model.Config.Blocks} blocks of {model.Config.Width} channels, a vocabulary of {model.VocabularySize}; {of.Held.Tokens.Count - 1:N0} tokens that it has not learned from, in blocks of {of.Length}.");
        text.AppendLine(CultureInfo.InvariantCulture, $"Perplexity through sessions, token by token, as texts are generated; by the layer graph in floats it is {graph:F4}.");
        text.AppendLine();
        text.AppendLine("| weights | perplexity | against float32 | nats a token | bytes of weights | share |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
        {
            model.Precision = precision;
            double perplexity = TextPerplexity.Of(model, of.Held.Tokens, of.Length);
            long bytes = model.ProductBytes;
            if (precision == WeightPrecision.Float32)
                (floats, floatBytes) = (perplexity, bytes);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {precision.ToString().ToLowerInvariant()} | {perplexity:F4} | {100 * (perplexity / floats - 1):+0.000;-0.000;0} % | {Math.Log(perplexity):F5} | {bytes:N0} | {100.0 * bytes / floatBytes:F1} % |");
        }
        return Math.Abs(floats / graph - 1) <= Tolerance ? text.ToString()
            : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"Perplexity through sessions in floats is {floats:F5}, by the layer graph {graph:F5}; they may differ by {Tolerance} of it. Nothing is written."));
    }
}

namespace Graft.Models;

/// <summary>Forbids what followed the last n - 1 tokens where they stood before.</summary>
/// <remarks>Transformers' NoRepeatNGramLogitsProcessor, which has it from fairseq.</remarks>
internal sealed class NoRepeatNgram(int size) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        int prefix = size - 1;
        if (tokens.Length < prefix)
            return;
        ReadOnlySpan<int> last = tokens[^prefix..];
        for (int start = 0; start + prefix < tokens.Length; start++)
        {
            if (tokens.Slice(start, prefix).SequenceEqual(last))
                logits[tokens[start + prefix]] = float.NegativeInfinity;
        }
    }
}

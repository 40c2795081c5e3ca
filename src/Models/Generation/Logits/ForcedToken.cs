namespace Graft.Models;

/// <summary>Leaves one token at one place of the generated text.</summary>
/// <remarks>Transformers' ForcedBOSTokenLogitsProcessor and ForcedEOSTokenLogitsProcessor.</remarks>
internal sealed class ForcedToken(int token, int place) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        if (generated != place)
            return;
        logits.Fill(float.NegativeInfinity);
        logits[token] = 0;
    }
}

namespace Graft.Models;

/// <summary>Beyond a length, the end of a text grows ever more probable: logit + |logit| * (factor^n - 1).</summary>
/// <remarks>Transformers' ExponentialDecayLengthPenalty since 4.31; before, negative logits were multiplied too and so fell.</remarks>
internal sealed class ExponentialDecay(int start, float factor, IReadOnlyList<int> endOfText) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        if (generated <= start)
            return;
        float growth = (float)(Math.Pow(factor, generated - start) - 1);
        foreach (int token in endOfText)
        {
            if (float.IsFinite(logits[token])) // what is forbidden stays so
                logits[token] += MathF.Abs(logits[token]) * growth;
        }
    }
}

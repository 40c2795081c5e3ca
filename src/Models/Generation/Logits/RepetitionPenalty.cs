namespace Graft.Models;

/// <summary>Tokens that stand already: a positive logit is divided by the penalty, a negative one multiplied, once a token.</summary>
/// <remarks>Keskar et al. 2019, arXiv:1909.05858, section 4.1; transformers' RepetitionPenaltyLogitsProcessor.</remarks>
internal sealed class RepetitionPenalty(float penalty, int vocabulary) : LogitsProcessor
{
    private readonly bool[] _seen = new bool[vocabulary];

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        foreach (int token in tokens)
        {
            if (_seen[token])
                continue;
            _seen[token] = true;
            logits[token] = logits[token] < 0 ? logits[token] * penalty : logits[token] / penalty;
        }
        foreach (int token in tokens)
            _seen[token] = false;
    }
}

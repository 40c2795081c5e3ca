namespace Graft.Models;

/// <summary>Changes the logits of the next token in place: forbids tokens (negative infinity), favours or penalises them.</summary>
public abstract class LogitsProcessor
{
    /// <summary>Changes one row.</summary>
    /// <param name="tokens">The sequence so far, its prompt (and the padding it was given with) included.</param>
    /// <param name="generated">How many of its tokens are generated.</param>
    /// <param name="logits">One number a token of the vocabulary; log-probabilities in beam search.</param>
    public abstract void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits);
}

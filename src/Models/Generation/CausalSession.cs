namespace Graft.Models;

/// <summary>
/// Some sequences that a causal language model reads side by side. What was read stays (keys and values of every layer), so that a token costs
/// one pass over itself.
/// </summary>
public abstract class CausalSession : IDisposable
{
    /// <summary>Number of sequences.</summary>
    public abstract int Sequences { get; }

    /// <summary>Numbers in a row of logits.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>The most tokens that a sequence can hold.</summary>
    public abstract int Capacity { get; }

    /// <summary>Tokens that a sequence has read.</summary>
    public abstract int Length(int sequence);

    /// <summary>Reads tokens into every sequence, each its own number of them, and gives the logits behind the last of each.</summary>
    /// <param name="tokens">One or more tokens for each sequence.</param>
    /// <param name="logits">Room for [Sequences, VocabularySize].</param>
    /// <exception cref="GraftException">A sequence would hold more than <see cref="Capacity"/>, a token is not in the vocabulary, or a sequence gets none.</exception>
    public abstract void Read(IReadOnlyList<int[]> tokens, Span<float> logits);

    /// <summary>Numbers in a hidden state; 0 where the session does not give hidden states.</summary>
    public virtual int HiddenSize => 0;

    /// <summary>Reads as the other does, and gives the last layer's output (behind the final normalisation) for every token read. Contrastive search needs it.</summary>
    /// <param name="tokens">One or more tokens for each sequence.</param>
    /// <param name="logits">Room for [Sequences, VocabularySize].</param>
    /// <param name="hidden">Room for [tokens of all sequences, HiddenSize], one sequence after the other.</param>
    /// <exception cref="GraftException">The session does not give hidden states, or as for the other.</exception>
    public virtual void Read(IReadOnlyList<int[]> tokens, Span<float> logits, Span<float> hidden) =>
        throw new GraftException($"{GetType().Name} does not give hidden states; contrastive search needs them. Leave PenaltyAlpha out.");

    /// <summary>Sequence i becomes what sequence parents[i] was: beam search drops some and goes on from others twice.</summary>
    public abstract void Reorder(ReadOnlySpan<int> parents);

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}

/// <summary>A language model that continues texts.</summary>
public interface ICausalModel
{
    /// <summary>Numbers in a row of logits.</summary>
    int VocabularySize { get; }

    /// <summary>The longest sequence: GPT-2's n_positions.</summary>
    int MaxLength { get; }

    /// <summary>Sequences without tokens.</summary>
    /// <param name="sequences">How many.</param>
    /// <param name="capacity">The most tokens a sequence will hold; at most <see cref="MaxLength"/>.</param>
    CausalSession Open(int sequences, int capacity);
}

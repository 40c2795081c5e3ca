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

    /// <summary>True where the session can choose tokens where it computes logits, by <see cref="ReadAndChoose"/>: on a GPU, whose logits then stay there.</summary>
    public virtual bool ChoosesTokens => false;

    /// <summary>Reads a token into every sequence and chooses its next.</summary>
    /// <param name="tokens">One for each sequence; those that were chosen last are there already.</param>
    /// <param name="choice">How to choose.</param>
    /// <param name="step">Draws before this one, which a draw depends on.</param>
    /// <param name="chosen">Room for a token for each sequence.</param>
    /// <exception cref="GraftException">The session does not choose tokens; or a logit is not a number or infinite; or as for <see cref="Read(IReadOnlyList{int[]}, Span{float})"/>.</exception>
    public virtual void ReadAndChoose(ReadOnlySpan<int> tokens, TokenChoice choice, int step, Span<int> chosen) =>
        throw new GraftException($"{GetType().Name} does not choose tokens here (ChoosesTokens); read logits and choose among them.");

    /// <summary>True where sessions of one model can read a token each in one pass over its weights, by <see cref="ReadTogether"/>.</summary>
    public virtual bool ReadsTogether => false;

    /// <summary>Reads a token into each of several sessions, and gives the logits behind each: the same as from each alone.</summary>
    /// <param name="sessions">Sessions of one sequence of the same model, each once, this one among them.</param>
    /// <param name="tokens">One for each.</param>
    /// <param name="logits">Room for [sessions, VocabularySize].</param>
    /// <exception cref="GraftException">A session is of another model or cannot read together with others; or as for <see cref="Read(IReadOnlyList{int[]}, Span{float})"/>, and none has read then.</exception>
    public virtual void ReadTogether(IReadOnlyList<CausalSession> sessions, ReadOnlySpan<int> tokens, Span<float> logits) =>
        throw new GraftException($"{GetType().Name} does not read together with others (ReadsTogether); read each session by itself.");

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

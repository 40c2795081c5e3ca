namespace Graft.Models;

/// <summary>
/// Texts that come and go and are continued together: a step gives each of them a token, and up to seven share a pass over the model's weights, which is what a token costs most for. Each text is what it would be alone.
/// </summary>
/// <remarks>Continuous batching: Yu et al. 2022, Orca. On a GPU each text has a pass of its own, as one launch. For one thread at a time.</remarks>
/// <example>
/// <code>
/// using var batch = new ContinuousBatch(gpt);
/// ContinuedText first = batch.Add(prompt, new GenerationOptions { MaxNewTokens = 50 });
/// while (batch.Texts.Count > 0) // others may be added between steps
/// {
///     foreach (ContinuedText text in batch.Step())
///         Console.WriteLine($"{text.LastToken}");
/// }
/// </code>
/// </example>
/// <param name="model">The model.</param>
public sealed class ContinuousBatch(ICausalModel model) : IDisposable
{
    private const int MostTogether = 7; // more rows of 16-bit weights go by tiles on some processors, which add in another order

    private readonly List<ContinuedText> _texts = [];

    /// <summary>Those that have not ended, in the order in which they were added.</summary>
    public IReadOnlyList<ContinuedText> Texts => _texts;

    /// <summary>Adds a text; its prompt is read in a step.</summary>
    /// <param name="prompt">One or more tokens.</param>
    /// <param name="options">How it is continued; null is greedy, to 20 tokens.</param>
    /// <exception cref="GraftException">As for <see cref="TextGeneration.GenerateTokensAsync"/>.</exception>
    public ContinuedText Add(int[] prompt, GenerationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var text = new ContinuedText(TextGeneration.StreamOf(model, prompt, options ?? new GenerationOptions())());
        _texts.Add(text);
        return text;
    }

    /// <summary>Leaves a text where it is, and gives its keys and values back; nothing where it has ended.</summary>
    public void Remove(ContinuedText text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (_texts.Remove(text))
            text.Decoding.Dispose();
    }

    /// <summary>Gives a token to each text whose prompt is read, and reads the prompt of one whose is not.</summary>
    /// <returns>The texts that got a token or came to an <see cref="ContinuedText.Error"/>; those that have ended are no longer among <see cref="Texts"/>.</returns>
    public IReadOnlyList<ContinuedText> Step()
    {
        ContinuedText[] together = [.. _texts.Where(t => t.Decoding.StepsTogether)], alone = [.. _texts.Where(t => t.Decoding is { HasBegun: true, StepsTogether: false })];
        ContinuedText? next = _texts.Find(t => !t.Decoding.HasBegun); // one, so that the others need not wait for the prompts of all
        int groups = (together.Length + MostTogether - 1) / MostTogether;
        foreach (ContinuedText[] group in groups == 0 ? [] : together.Chunk((together.Length + groups - 1) / groups))
        {
            if (group.Length == 1 || !Together(group))
                alone = [.. alone, .. group];
        }
        foreach (ContinuedText text in alone)
            Alone(text);
        if (next is not null)
            Alone(next);
        ContinuedText[] moved = [.. together.Union(alone), .. next is null ? [] : new[] { next }];
        foreach (ContinuedText text in moved.Where(t => t.IsDone))
            Remove(text);
        return moved;
    }

    /// <summary>Gives the memory of all texts back.</summary>
    public void Dispose()
    {
        foreach (ContinuedText text in _texts)
            text.Decoding.Dispose();
        _texts.Clear();
    }

    /// <returns>False where they could not be read together, as for want of memory: one of them may still have enough.</returns>
    private static bool Together(ContinuedText[] texts)
    {
        Exception?[] faults;
        try
        {
            faults = TokenDecoding.Step([.. texts.Select(t => t.Decoding)]);
        }
        catch (GraftException)
        {
            return false; // what is wrong, each is told by itself
        }
        for (int i = 0; i < texts.Length; i++)
            texts[i].Grow(faults[i]);
        return true;
    }

    private static void Alone(ContinuedText text)
    {
        Exception? fault = null;
        try
        {
            text.Decoding.Step();
        }
        catch (Exception e) // the text's own, which tells it; the others go on
        {
            fault = e;
        }
        text.Grow(fault);
    }
}

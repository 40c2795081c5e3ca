using System.Runtime.CompilerServices;

namespace Graft.Models;

/// <summary>Continues texts with a causal language model.</summary>
public static class TextGeneration
{
    /// <summary>Continues prompts, each of its own length; every one as it would be alone, save that the longest decides what lengths count from.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">One or more tokens each.</param>
    /// <param name="options">How; null is greedy, to 20 tokens.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    /// <exception cref="GraftException">A prompt is empty, too long or not of the model's vocabulary, or the options contradict each other.</exception>
    /// <exception cref="OperationCanceledException">The cancellation was asked for.</exception>
    public static GenerationResult Generate(this ICausalModel model, IReadOnlyList<int[]> prompts, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        return Run(model, PromptBatch.Of(prompts, model.VocabularySize), options ?? new GenerationOptions(), cancellation);
    }

    /// <summary>Continues rows of one length that are padded at the left, as a tokenizer gives a batch. The padding is not read by the model; lengths and penalties count it, as in transformers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputIds">Rows of tokens.</param>
    /// <param name="attentionMask">0 where a row is padding, 1 elsewhere.</param>
    /// <param name="options">How; null is greedy, to 20 tokens.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    /// <exception cref="GraftException">As for the other, or the mask does not fit the rows, or the padding is not at the left.</exception>
    /// <exception cref="OperationCanceledException">The cancellation was asked for.</exception>
    public static GenerationResult Generate(this ICausalModel model, IReadOnlyList<int[]> inputIds, IReadOnlyList<int[]> attentionMask, GenerationOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputIds);
        ArgumentNullException.ThrowIfNull(attentionMask);
        return Run(model, PromptBatch.OfPadded(inputIds, attentionMask, model.VocabularySize), options ?? new GenerationOptions(), cancellation);
    }

    /// <summary>Continues one prompt and gives its new tokens as they come. Each is computed when it is asked for, on a thread of the pool.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">One or more tokens.</param>
    /// <param name="options">How; null is greedy, to 20 tokens. Beams and contrastive search know their tokens at the end only and do not stream.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    /// <exception cref="GraftException">As for <see cref="Generate(ICausalModel, IReadOnlyList{int[]}, GenerationOptions?, CancellationToken)"/>, at the call.</exception>
    public static IAsyncEnumerable<int> GenerateTokensAsync(this ICausalModel model, int[] prompt, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompt);
        return Stream(StreamOf(model, prompt, options ?? new GenerationOptions()), cancellation);
    }

    /// <summary>Begins to continue one prompt whose tokens are final when they come; what is asked for is checked here.</summary>
    internal static Func<TokenDecoding> StreamOf(ICausalModel model, int[] prompt, GenerationOptions options)
    {
        if (options.NumBeams > 1 || options.PenaltyAlpha is not null || options.NumReturnSequences > 1)
            throw new GraftException("A stream is one sequence whose tokens are final when they come; leave NumBeams, PenaltyAlpha and NumReturnSequences out, or use Generate.");
        PromptBatch prompts = PromptBatch.Of([prompt], model.VocabularySize);
        GenerationLengths lengths = Lengths(model, prompts, options);
        return () => new TokenDecoding(model, prompts, options, lengths);
    }

    /// <summary>Continues one prompt and gives the new text as it comes, in whole characters, by <see cref="GenerationOptions.TokenText"/>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">One or more tokens.</param>
    /// <param name="options">How; TokenText must be set.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    /// <exception cref="GraftException">TokenText is not set, or as for <see cref="GenerateTokensAsync"/>, at the call.</exception>
    public static IAsyncEnumerable<string> GenerateTextAsync(this ICausalModel model, int[] prompt, GenerationOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        Func<ITokenText> text = options.TokenText ?? throw new GraftException("A stream of text needs the text of tokens; set TokenText to the tokenizer's streaming decoder.");
        return Decode(GenerateTokensAsync(model, prompt, options, cancellation), text(), cancellation);
    }

    private static GenerationLengths Lengths(ICausalModel model, PromptBatch prompts, GenerationOptions options)
    {
        options.Check(model.VocabularySize);
        GenerationLengths lengths = GenerationLengths.Of(options, prompts.Width);
        lengths.Check(options, model.MaxLength);
        long sequences = (long)prompts.Count * Math.Max(options.NumBeams, options.NumReturnSequences);
        return sequences * model.VocabularySize <= Array.MaxLength ? lengths
            : throw new GraftException($"{sequences} sequences side by side, each with {model.VocabularySize} logits, do not fit one array; continue fewer prompts at once, or ask for fewer beams or sequences.");
    }

    private static GenerationResult Run(ICausalModel model, PromptBatch prompts, GenerationOptions options, CancellationToken cancellation)
    {
        GenerationLengths lengths = Lengths(model, prompts, options);
        if (options.NumBeams > 1)
            return new BeamSearch(prompts, model.VocabularySize, options, lengths).Run(model, cancellation);
        if (options.PenaltyAlpha is not null)
        {
            return new GenerationResult([.. Enumerable.Range(0, prompts.Count).Select(i =>
                new ContrastiveSearch(prompts.Tokens(i), model.VocabularySize, options, lengths).Run(model, prompts.Row(i), i, cancellation))], prompts, options);
        }
        using var decoding = new TokenDecoding(model, prompts, options, lengths);
        while (!decoding.IsDone)
        {
            cancellation.ThrowIfCancellationRequested();
            decoding.Step();
        }
        return decoding.Result();
    }

    private static async IAsyncEnumerable<int> Stream(Func<TokenDecoding> begin, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using TokenDecoding decoding = begin();
        while (!decoding.IsDone)
        {
            await Task.Run(decoding.Step, cancellation).ConfigureAwait(false);
            yield return decoding.LastToken(row: 0);
        }
    }

    private static async IAsyncEnumerable<string> Decode(IAsyncEnumerable<int> tokens, ITokenText text, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (int token in tokens.WithCancellation(cancellation).ConfigureAwait(false))
        {
            string piece = text.Append(token);
            if (piece.Length > 0)
                yield return piece;
        }
        string rest = text.Finish();
        if (rest.Length > 0)
            yield return rest;
    }
}

namespace Graft.Models;

/// <summary>Prompts that are continued side by side, each a row of tokens that may start with padding.</summary>
internal sealed class PromptBatch
{
    // So many tokens a row cost little more than one: the pass is over when the weights are read.
    private const int FewTokens = 8;

    private readonly int[][] _rows;
    private readonly int[] _padding;

    private PromptBatch(int[][] rows, int[] padding, int vocabulary)
    {
        if (rows.Length == 0)
            throw new GraftException("There is no prompt to continue; give one or more.");
        for (int i = 0; i < rows.Length; i++)
            Check(rows[i], i, vocabulary);
        (_rows, _padding, Width) = (rows, padding, rows.Max(r => r.Length));
    }

    /// <summary>Number of prompts.</summary>
    public int Count => _rows.Length;

    /// <summary>Tokens of the longest row.</summary>
    public int Width { get; }

    /// <summary>Prompts without padding.</summary>
    /// <exception cref="GraftException">There is none, one is empty, or a token is not in the vocabulary.</exception>
    public static PromptBatch Of(IReadOnlyList<int[]> prompts, int vocabulary) => new([.. prompts], new int[prompts.Count], vocabulary);

    /// <summary>Rows of one length that start with padding: where the mask is 0.</summary>
    /// <exception cref="GraftException">As above, or the mask does not fit, or the padding is not at the left.</exception>
    public static PromptBatch OfPadded(IReadOnlyList<int[]> rows, IReadOnlyList<int[]> attentionMask, int vocabulary)
    {
        if (rows.Count != attentionMask.Count)
            throw new GraftException($"{rows.Count} rows of tokens came with {attentionMask.Count} rows of attention mask; give one for each.");
        var padding = new int[rows.Count];
        for (int i = 0; i < padding.Length; i++)
        {
            if (rows[i].Length != rows[0].Length || attentionMask[i].Length != rows[0].Length)
                throw new GraftException($"Row {i} has {rows[i].Length} tokens and {attentionMask[i].Length} numbers of attention mask, row 0 has {rows[0].Length} tokens; pad the rows to one length.");
            if (attentionMask[i].Any(m => m is not (0 or 1)))
                throw new GraftException($"Row {i} of the attention mask has values other than 0 (padding) and 1.");
            padding[i] = attentionMask[i].AsSpan().IndexOf(1);
            if (padding[i] < 0)
                throw new GraftException($"Row {i} is padding only: an empty prompt cannot be continued. Start it with the end-of-text token.");
            if (attentionMask[i].AsSpan(padding[i]).Contains(0))
                throw new GraftException($"Row {i} of the attention mask has padding behind tokens; generation goes on from the last token, so pad at the left.");
        }
        return new PromptBatch([.. rows], padding, vocabulary);
    }

    /// <summary>A prompt as it was given, its padding included: what penalties look at.</summary>
    public ReadOnlySpan<int> Row(int prompt) => _rows[prompt];

    /// <summary>A prompt without its padding: what the model reads.</summary>
    public int[] Tokens(int prompt) => _rows[prompt][_padding[prompt]..];

    /// <summary>
    /// Opens a session in which every prompt stands <paramref name="copies"/> times, and gives the logits behind each. A long prompt is computed
    /// once: its copies read a token, since each must, and are then taken from the first.
    /// </summary>
    public CausalSession Read(ICausalModel model, int copies, GenerationLengths lengths, Span<float> logits)
    {
        CausalSession session = model.Open(Count * copies, lengths.Total);
        bool readOnce = copies > 1 && Width > FewTokens;
        var tokens = new int[session.Sequences][];
        var parents = new int[session.Sequences];
        for (int i = 0; i < tokens.Length; i++)
        {
            parents[i] = i / copies * copies;
            tokens[i] = parents[i] == i || !readOnce ? Tokens(i / copies) : [Tokens(i / copies)[0]];
        }
        try
        {
            session.Read(tokens, logits);
            if (readOnce)
                session.Reorder(parents);
        }
        catch
        {
            session.Dispose();
            throw;
        }
        int vocabulary = session.VocabularySize;
        for (int i = 0; i < parents.Length && readOnce; i++)
        {
            if (parents[i] != i)
                logits.Slice(parents[i] * vocabulary, vocabulary).CopyTo(logits[(i * vocabulary)..]);
        }
        return session;
    }

    private static void Check(int[] row, int index, int vocabulary)
    {
        if (row.Length == 0)
            throw new GraftException($"Prompt {index} is empty; generation goes on from a token. Start it with the end-of-text token.");
        foreach (int token in row)
        {
            if (token < 0 || token >= vocabulary)
                throw new GraftException($"Prompt {index} has token {token}; the model's vocabulary has 0 to {vocabulary - 1}. Its tokenizer is of another model.");
        }
    }
}

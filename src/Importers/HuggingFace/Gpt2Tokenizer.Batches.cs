namespace Graft.Importers.HuggingFace;

/// <content>Several texts at once: padding and truncation.</content>
public sealed partial class Gpt2Tokenizer
{
    /// <summary>Ids of several texts, padded and cut to one length.</summary>
    /// <param name="texts">One text a row.</param>
    /// <param name="options">How; by default padded on <see cref="PaddingSide"/> to the longest, and not cut.</param>
    /// <exception cref="GraftException">A length is asked for and none is known, or padding and there is no token for it.</exception>
    public TokenBatch EncodeBatch(IReadOnlyList<string> texts, TokenBatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        options ??= new TokenBatchOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxLength ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PadToMultipleOf ?? 1, 1);
        int[][] rows = [.. texts.Select(t => Encode(t, options.ParseSpecialTokens, options.AddPrefixSpace))];
        if (options.Truncate)
            rows = [.. rows.Select(r => Cut(r, Limit(options), options.TruncationSide ?? TruncationSide))];
        if (options.Padding == TokenPadding.None)
            return new TokenBatch(rows, [.. rows.Select(r => Mask(r.Length, 0, TokenSide.Right))]);
        int length = PaddedLength(rows, options);
        TokenSide side = options.PaddingSide ?? PaddingSide;
        return new TokenBatch([.. rows.Select(r => Pad(r, length, side))], [.. rows.Select(r => Mask(r.Length, length - r.Length, side))]);
    }

    private int PaddedLength(int[][] rows, TokenBatchOptions options)
    {
        int length = options.Padding == TokenPadding.MaxLength ? Limit(options) : rows.Length == 0 ? 0 : rows.Max(r => r.Length);
        int multiple = options.PadToMultipleOf ?? 1;
        int padded = checked((length + multiple - 1) / multiple * multiple);
        return !options.Truncate || Limit(options) % multiple == 0 ? padded
            : throw new GraftException($"A batch is cut to {Limit(options)} and padded to a multiple of {multiple}: MaxLength must be a multiple of PadToMultipleOf.");
    }

    private int Limit(TokenBatchOptions options) => options.MaxLength ?? ModelMaxLength
        ?? throw new GraftException($"{Source}: padding or truncation to a length is asked for, but MaxLength is not set and the tokenizer's files name no model_max_length. Set TokenBatchOptions.MaxLength.");

    private static int[] Cut(int[] row, int length, TokenSide side) => row.Length <= length ? row : side == TokenSide.Right ? row[..length] : row[^length..];

    private int[] Pad(int[] row, int length, TokenSide side)
    {
        if (row.Length >= length)
            return row;
        int pad = PadToken ?? throw new GraftException($"{Source}: padding is asked for, but there is neither a pad token nor an end-of-text token. Name a pad_token in special_tokens_map.json.");
        var padded = new int[length];
        Array.Fill(padded, pad);
        row.CopyTo(padded, side == TokenSide.Right ? 0 : length - row.Length);
        return padded;
    }

    private static int[] Mask(int tokens, int padding, TokenSide side)
    {
        var mask = new int[tokens + Math.Max(padding, 0)];
        Array.Fill(mask, 1, side == TokenSide.Right ? 0 : mask.Length - tokens, tokens);
        return mask;
    }
}

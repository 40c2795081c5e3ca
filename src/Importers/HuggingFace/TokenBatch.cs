namespace Graft.Importers.HuggingFace;

/// <summary>Which end of a row padding or truncation changes.</summary>
public enum TokenSide
{
    /// <summary>The end.</summary>
    Right,

    /// <summary>The beginning: padding for generation.</summary>
    Left,
}

/// <summary>How long the rows of a batch become.</summary>
public enum TokenPadding
{
    /// <summary>Each as long as its text.</summary>
    None,

    /// <summary>As long as the longest of the batch.</summary>
    Longest,

    /// <summary>As long as MaxLength.</summary>
    MaxLength,
}

/// <summary>Padding and truncation of a batch; names and meanings are those of Hugging Face's tokenizers.</summary>
public sealed record TokenBatchOptions
{
    /// <summary>How long rows become.</summary>
    public TokenPadding Padding { get; init; } = TokenPadding.Longest;

    /// <summary>True to cut rows to MaxLength.</summary>
    public bool Truncate { get; init; }

    /// <summary>Length to pad or cut to; null for the tokenizer's ModelMaxLength.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Rounds the padded length up to a multiple of this.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Where padding goes; null for the tokenizer's PaddingSide.</summary>
    public TokenSide? PaddingSide { get; init; }

    /// <summary>Where rows are cut; null for the tokenizer's TruncationSide.</summary>
    public TokenSide? TruncationSide { get; init; }

    /// <summary>False to take "&lt;|endoftext|&gt;" in a text as plain text.</summary>
    public bool ParseSpecialTokens { get; init; } = true;

    /// <summary>True to put a space before each text; null for the tokenizer's AddPrefixSpace.</summary>
    public bool? AddPrefixSpace { get; init; }
}

/// <summary>Ids of several texts.</summary>
/// <param name="Ids">One row a text: [N][T].</param>
/// <param name="AttentionMask">1 for a token of the text, 0 for padding: [N][T].</param>
public sealed record TokenBatch(int[][] Ids, int[][] AttentionMask);

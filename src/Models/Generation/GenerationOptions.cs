namespace Graft.Models;

/// <summary>How a text is continued: the names, defaults and meaning of Hugging Face's GenerationConfig.</summary>
/// <remarks>
/// Source of the behaviour: transformers' <c>generate()</c>, release 4.39. Where releases differ, the newer rule: a beam's score is divided by the
/// number of generated tokens (the closing one counted) to the power of <see cref="LengthPenalty"/>, and a prompt that fills
/// <see cref="MaxLength"/> is an error. Options that contradict each other are errors here, where transformers warns and goes on.
/// </remarks>
public sealed partial record GenerationOptions
{
    /// <summary>The longest sequence, the prompt counted; the longest of several prompts decides for all. <see cref="MaxNewTokens"/> wins over it.</summary>
    public int MaxLength { get; init; } = 20;

    /// <summary>The most tokens to generate, the prompt not counted.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Length, the prompt counted, below which no token of <see cref="EosTokenIds"/> is chosen.</summary>
    public int MinLength { get; init; }

    /// <summary>Generated tokens before a token of <see cref="EosTokenIds"/> may be chosen.</summary>
    public int? MinNewTokens { get; init; }

    /// <summary>True draws the next token by its probability; false takes the most probable.</summary>
    public bool DoSample { get; init; }

    /// <summary>Logits are divided by it before sampling: below 1 sharpens, above 1 flattens.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Sampling among this many most probable tokens and those equal to the last of them; 0 is all. Contrastive search ranks this many.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Sampling among the fewest most probable tokens that have at least this probability together. Holtzman et al. 2019, arXiv:1904.09751.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Sampling among tokens whose information is nearest to the expected, together this probable. Meister et al. 2022, arXiv:2202.00666.</summary>
    public float TypicalP { get; init; } = 1;

    /// <summary>Sampling among tokens at least this probable; 0 is off. Hewitt et al. 2022, arXiv:2210.15191.</summary>
    public float EpsilonCutoff { get; init; }

    /// <summary>As <see cref="EpsilonCutoff"/>, lowered where the distribution is flat; 0 is off. The same paper, eta sampling.</summary>
    public float EtaCutoff { get; init; }

    /// <summary>Logits of tokens that the sequence holds, its prompt and padding included, are divided by it if positive, else multiplied; 1 is off. Keskar et al. 2019, arXiv:1909.05858.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>No run of this many tokens comes twice; 0 is off.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Runs of tokens that never come. One that is a single token of <see cref="EosTokenIds"/> has no effect, as in transformers.</summary>
    public IReadOnlyList<int[]> BadWordsIds { get; init; } = [];

    /// <summary>Tokens that are never chosen.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary>Tokens that are not chosen first.</summary>
    public IReadOnlyList<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>The token that follows a prompt of one token.</summary>
    public int? ForcedBosTokenId { get; init; }

    /// <summary>The last token of a sequence that reaches its greatest length.</summary>
    public int? ForcedEosTokenId { get; init; }

    /// <summary>From Start generated tokens on, the logit of an end of text grows by |logit| * (Factor^n - 1), n the tokens since.</summary>
    public (int Start, float Factor)? ExponentialDecayLengthPenalty { get; init; }

    /// <summary>True makes logits log-probabilities after each of the two groups of changes: penalties, and what narrows sampling.</summary>
    public bool RenormalizeLogits { get; init; }

    /// <summary>Further changes of logits, after the penalties above.</summary>
    public IReadOnlyList<LogitsProcessor> LogitsProcessors { get; init; } = [];

    /// <summary>Contrastive search: weight of the likeness to what stands already, against the probability. Su et al. 2022, arXiv:2202.06417.</summary>
    public float? PenaltyAlpha { get; init; }

    /// <summary>Sequences that beam search carries on; 1 is no beam search.</summary>
    public int NumBeams { get; init; } = 1;

    /// <summary>Groups that the beams are split into. Vijayakumar et al. 2016, arXiv:1610.02424.</summary>
    public int NumBeamGroups { get; init; } = 1;

    /// <summary>Taken from the logit of a token for each beam of an earlier group that chose it in the same step.</summary>
    public float DiversityPenalty { get; init; }

    /// <summary>A beam's sum of log-probabilities is divided by its generated length to this power: above 0 favours long sequences.</summary>
    public float LengthPenalty { get; init; } = 1;

    /// <summary>When beam search ends.</summary>
    public BeamStopping EarlyStopping { get; init; }

    /// <summary>Sequences for each prompt: samples, or the best of the beams.</summary>
    public int NumReturnSequences { get; init; } = 1;

    /// <summary>Tokens that end a sequence; empty: none does.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Fills sequences that end earlier than others; without it, the first of <see cref="EosTokenIds"/>.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Texts that end a sequence when its generated text holds one; they need <see cref="TokenText"/>.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Makes a decoder for a new sequence: for <see cref="StopStrings"/> and for streams of text.</summary>
    public Func<ITokenText>? TokenText { get; init; }

    /// <summary>Makes sampling repeatable; without it every call draws anew.</summary>
    public int? Seed { get; init; }
}

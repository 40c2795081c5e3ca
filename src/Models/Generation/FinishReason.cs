namespace Graft.Models;

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It has as many tokens as were asked for.</summary>
    Length,

    /// <summary>One of <see cref="GenerationOptions.EosTokenIds"/> came; it stands at the end of the sequence.</summary>
    EndOfText,

    /// <summary>One of <see cref="GenerationOptions.StopStrings"/> came; the token that completed it stands at the end of the sequence.</summary>
    StopString,
}

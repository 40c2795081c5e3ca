using Graft.Kernels;

namespace Graft.Models;

/// <summary>Why a row of logits has no token to choose.</summary>
internal static class LogitsFault
{
    /// <summary>By the greatest logit, which is not finite.</summary>
    public static GraftException Of(float greatest) => greatest switch
    {
        float.NegativeInfinity => new GraftException("The generation options forbid every token of the vocabulary at this place; loosen NoRepeatNgramSize, BadWordsIds, SuppressTokens or MinLength."),
        float.PositiveInfinity => Damaged("infinity"),
        _ => Damaged("a value that is not a number"),
    };

    /// <summary>Throws where a device gave one of the negative numbers of <see cref="TokenChoiceKernels"/> in place of a token.</summary>
    public static void Check(int token)
    {
        if (token < 0)
            throw Of(token switch { TokenChoiceKernels.Infinite => float.PositiveInfinity, TokenChoiceKernels.Forbidden => float.NegativeInfinity, _ => float.NaN });
    }

    private static GraftException Damaged(string what) => new($"The model's logits hold {what}; its weights are damaged or of another model.");
}

namespace Graft.Models;

/// <summary>Lengths of a run: what transformers' max_length, max_new_tokens, min_length and min_new_tokens come to.</summary>
/// <param name="Prompt">Tokens of the longest prompt, its padding included.</param>
/// <param name="New">The most tokens to generate.</param>
/// <param name="LeastNew">Generated tokens before a text may end.</param>
internal readonly record struct GenerationLengths(int Prompt, int New, int LeastNew)
{
    /// <summary>The longest sequence.</summary>
    public int Total => Prompt + New;

    /// <summary>Lengths for a longest prompt, before it is known whether they are possible.</summary>
    public static GenerationLengths Of(GenerationOptions options, int prompt) => new(prompt, options.MaxNewTokens ?? options.MaxLength - prompt,
        Math.Max(options.MinLength - prompt, options.MinNewTokens ?? 0));

    /// <summary>Refuses what cannot be.</summary>
    /// <exception cref="GraftException">The prompt leaves no room, the model is too short, or the least is more than the most.</exception>
    public void Check(GenerationOptions options, int modelLength)
    {
        if (Prompt >= modelLength)
            throw new GraftException($"The prompt has {Prompt} tokens; the model holds sequences of {modelLength} and needs room for at least one more. Shorten the prompt.");
        if (New < 1)
            throw new GraftException($"The prompt has {Prompt} tokens and MaxLength, which counts them, is {options.MaxLength}: there is no room for a new one. Raise MaxLength, or set MaxNewTokens.");
        if (Total > modelLength)
            throw new GraftException($"{Prompt} tokens of prompt and {New} new ones are {Total}; the model holds sequences of {modelLength}. Set MaxLength to at most {modelLength} or MaxNewTokens to at most {modelLength - Prompt}, or shorten the prompt.");
        if (LeastNew > New)
            throw new GraftException($"At least {LeastNew} new tokens are asked for (MinLength or MinNewTokens), but at most {New} (MaxLength or MaxNewTokens). Lower the one or raise the other.");
    }
}

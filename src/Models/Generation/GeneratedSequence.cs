namespace Graft.Models;

/// <summary>A prompt and its continuation.</summary>
/// <param name="Prompt">Which of the prompts it continues.</param>
/// <param name="Tokens">Prompt and continuation, without padding.</param>
/// <param name="PromptLength">Tokens of the prompt.</param>
/// <param name="Score">Beam search: the sum of log-probabilities over the generated length to the power of the length penalty; else null.</param>
/// <param name="Finish">Why it ended.</param>
public sealed record GeneratedSequence(int Prompt, IReadOnlyList<int> Tokens, int PromptLength, double? Score, FinishReason Finish)
{
    /// <summary>The continuation alone.</summary>
    public IReadOnlyList<int> Generated { get; } = [.. Tokens.Skip(PromptLength)];
}

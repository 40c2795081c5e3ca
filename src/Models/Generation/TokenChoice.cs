using Graft.Kernels;

namespace Graft.Models;

/// <summary>How a <see cref="CausalSession"/> that chooses tokens itself does so: the most probable, or one drawn under temperature, top k and top p.</summary>
/// <param name="Samples">True draws; false takes the most probable, whatever else stands here.</param>
/// <param name="Temperature">Logits are divided by it.</param>
/// <param name="TopK">Of so many most probable tokens and those equal to the last; 0 is all.</param>
/// <param name="TopP">Of the fewest most probable tokens with this probability together; 1 is all.</param>
/// <param name="Seed">A draw depends on it, the sequence and the step alone.</param>
public sealed record TokenChoice(bool Samples, float Temperature, int TopK, float TopP, int Seed)
{
    /// <summary>That of generation options; null where they ask for more, which needs the logits on the host.</summary>
    internal static TokenChoice? Of(GenerationOptions options, LogitsChain chain, int seed) =>
        chain.NarrowsOnly ? new TokenChoice(options.DoSample, options.Temperature, options.TopK, options.TopP, seed) : null;

    /// <exception cref="GraftException">A number is out of its range.</exception>
    internal TokenChoiceGeometry Geometry(int rows, int vocabulary) => Temperature > 0 && float.IsFinite(Temperature) && TopK >= 0 && TopP > 0 && TopP <= 1
        ? new(rows, vocabulary, Samples, Temperature, TopK, TopP, Seed)
        : throw new GraftException($"TokenChoice: Temperature {Temperature}, TopK {TopK}, TopP {TopP}; they are above 0, 0 or more, and above 0 and at most 1.");
}

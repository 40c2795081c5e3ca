using Graft.Layers;

namespace Graft.Bench.Quick;

/// <summary>Random parameters under which the activations of a deep network neither vanish nor overflow.</summary>
internal static class HeWeights
{
    /// <summary>Fills all parameters.</summary>
    /// <remarks>
    /// Convolutions and dense layers: He et al. 2015, arXiv:1502.01852, eq. 10, as a uniform distribution: the second moment of activations behind a ReLU
    /// stays. Normalisations shrink a branch (gamma of 1/2 to 1), since each residual block adds the branch's variance to the trunk's.
    /// All others are small numbers that are not zero, so that none can be left out unseen.
    /// </remarks>
    /// <exception cref="GraftException">A parameter of an unknown name.</exception>
    public static void Fill(Model model, int seed)
    {
        var random = new Random(seed);
        foreach ((string path, Parameter parameter) in model.NamedParameters())
        {
            (double low, double high) = Range(path, parameter);
            var values = new float[parameter.Shape.Count];
            foreach (ref float v in values.AsSpan())
                v = (float)(low + random.NextDouble() * (high - low));
            parameter.Set(values);
        }
    }

    /// <summary>Smallest and largest number of a parameter.</summary>
    /// <exception cref="GraftException">A parameter of an unknown name.</exception>
    public static (double Low, double High) Range(string path, Parameter parameter)
    {
        switch (parameter.Name)
        {
            case "kernel":
                long fanIn = parameter.Shape.Rank == 2 ? parameter.Shape[0] : parameter.Shape.Count / parameter.Shape[0]; // [I,O], or [O,R,S,I]: R·S·I
                double limit = Math.Sqrt(6.0 / fanIn);
                return (-limit, limit);
            case "gamma":
                return (0.5, 1);
            case "moving_variance":
                return (0.5, 1.5);
            case "bias" or "beta" or "moving_mean":
                return (-0.1, 0.1);
            default:
                throw new GraftException($"Bench: no random numbers are set for parameter '{path}' {parameter.Shape}; add a range to {nameof(HeWeights)}.");
        }
    }
}

namespace Graft.Kernels;

/// <summary>What becomes of the numbers along the reduced axes.</summary>
public enum ReduceFormula
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The largest; equals share the gradient evenly, as in PyTorch's amax.</summary>
    Max,

    /// <summary>The smallest; equals share the gradient evenly, as in PyTorch's amin.</summary>
    Min,
}

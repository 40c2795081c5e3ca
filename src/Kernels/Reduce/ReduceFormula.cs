namespace Graft.Kernels;

/// <summary>How many numbers become one.</summary>
public enum ReduceFormula
{
    /// <summary>The sum.</summary>
    Sum,

    /// <summary>The sum over the number of elements.</summary>
    Mean,

    /// <summary>The largest; equal largest ones share the gradient evenly.</summary>
    Max,

    /// <summary>The smallest; equal smallest ones share the gradient evenly.</summary>
    Min,
}

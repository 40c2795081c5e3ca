namespace Graft.Kernels;

/// <summary>One tensor that an optimizer moves. A step takes all tensors of a model at once, in one job for all threads.</summary>
/// <param name="Count">Numbers in each array.</param>
/// <param name="W">The weights.</param>
/// <param name="G">Their gradient; it is not changed. Null where it is a <see cref="Product"/>.</param>
/// <param name="A">The first of the optimizer's slots, as its kernel names them; Null where it has none.</param>
/// <param name="B">The second slot or Null.</param>
/// <param name="C">The third slot or Null.</param>
public readonly record struct StepTensor(
    long Count, DevicePtr<float> W, DevicePtr<float> G, DevicePtr<float> A = default, DevicePtr<float> B = default, DevicePtr<float> C = default)
{
    /// <summary>Factor on the gradient before it is used: below 1 where its norm is clipped.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>The gradient is brought into plus and minus this, after <see cref="Factor"/>.</summary>
    public float Limit { get; init; } = float.PositiveInfinity;

    /// <summary>What the gradient is, where <see cref="G"/> is Null. For kernel sets that say so: <see cref="GradientKernels.TakesProduct"/>.</summary>
    public GradientProduct Product { get; init; }

    /// <summary>True where the gradient is not in memory.</summary>
    public bool IsProduct => G.IsNull && !Product.X.IsNull;

    /// <summary>Number <paramref name="i"/> of the gradient as the step takes it.</summary>
    internal unsafe float Gradient(long i)
    {
        float g = (IsProduct ? Product.At(i) : G.Pointer[i]) * Factor;
        return float.IsPositiveInfinity(Limit) ? g : Math.Min(Math.Max(g, -Limit), Limit);
    }
}

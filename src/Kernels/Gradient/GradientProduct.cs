namespace Graft.Kernels;

/// <summary>The gradient of a dense weight as the product that it is, dw = xᵀ dy, which is in no memory as a whole.</summary>
/// <remarks>
/// Shapes: x [N,I], dy [N,O]. An optimizer's step makes a block of it, moves the weights of that block while it lies in the cache, and forgets it. Each
/// number has the bits that <see cref="DenseKernels{T}.BackwardWeight"/> writes with beta 0.
/// </remarks>
/// <param name="Geometry">Sizes of the dense layer.</param>
/// <param name="X">Its input.</param>
/// <param name="DY">The gradient of its output.</param>
public readonly record struct GradientProduct(DenseGeometry Geometry, DevicePtr<float> X, DevicePtr<float> DY)
{
    /// <summary>True where x and dy, which have to stay until the step, are smaller than their product.</summary>
    public static bool IsSmaller(in DenseGeometry g) => (long)g.N * (g.I + g.O) < (long)g.I * g.O;

    /// <summary>Number <paramref name="i"/> of dw, by the plain loop.</summary>
    internal unsafe float At(long i)
    {
        (long row, long column) = Math.DivRem(i, Geometry.O);
        double sum = 0;
        for (long n = 0; n < Geometry.N; n++)
            sum += (double)X.Pointer[n * Geometry.I + row] * DY.Pointer[n * Geometry.O + column];
        return (float)sum;
    }
}

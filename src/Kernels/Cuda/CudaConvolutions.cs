namespace Graft.Kernels.Cuda;

/// <summary>
/// cuDNN's convolutions in one precision. Where that has 16 bits and images and weights lie in memory as float32, both operands are rounded into scratch memory first, and what cuDNN makes
/// of them is widened.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="precision">What products are computed in.</param>
/// <param name="stored">How images and weights lie in memory: as float32, or in the 16 bits of the precision.</param>
internal sealed class CudaConvolutions(CudaContext context, ComputePrecision precision, ComputePrecision stored = ComputePrecision.Float32)
{
    private readonly CudaRounding _rounding = new(context, precision);

    /// <summary>Who computes them, and in what where that may differ: own kernels multiply numbers as they lie in memory.</summary>
    public string Name => context.Dnn.Name + (precision == ComputePrecision.Float32 ? "" : $" in {(context.Dnn.IsUsable ? precision : stored).Word()}");

    /// <inheritdoc cref="CudaDnn.Takes"/>
    public bool Takes(in Conv2DGeometry g) => context.Dnn.Takes(g);

    /// <inheritdoc cref="CudaDnn.Run"/>
    public bool Run(CudnnDirection direction, in Conv2DGeometry g, DevicePtr<float> first, DevicePtr<float> second, DevicePtr<float> result, float beta)
    {
        if (!precision.IsNarrow() || stored.IsNarrow())
            return context.Dnn.Run(direction, precision, g, first.Address, second.Address, result.Address, beta);
        if (!Takes(g))
            return false;
        long x = (long)g.N * g.H * g.W * g.C, w = (long)g.O * g.R * g.S * g.GroupC, y = (long)g.N * g.OutH * g.OutW * g.O;
        (long firstCount, long secondCount, long resultCount) = direction switch
        {
            CudnnDirection.BackwardInput => (w, y, x),
            CudnnDirection.BackwardWeight => (x, y, w),
            _ => (x, w, y),
        };
        using CudaScratch a = _rounding.Round(first, firstCount), b = _rounding.Round(second, secondCount), sums = new(context, resultCount * sizeof(ushort));
        if (!context.Dnn.Run(direction, precision, g, a.Address, b.Address, sums.Address, 0))
            return false;
        _rounding.Widen(sums.Address, result, resultCount, beta);
        return true;
    }

    /// <inheritdoc cref="CudaDnn.ForwardWithBias"/>
    /// <remarks>Not in 16 bits: the bias is float32.</remarks>
    public bool ForwardWithBias(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) =>
        !precision.IsNarrow() && context.Dnn.ForwardWithBias(precision, g, x, w, b, residual, y);
}

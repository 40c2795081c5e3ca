using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>What comes after the sums of a convolution, in one pass: bias, residual, activation, and the largest of each 2 x 2. 16 bytes at a time where all is dense and aligned, else number by number.</summary>
/// <param name="context">The GPU.</param>
/// <param name="own">Takes every layout.</param>
/// <param name="stored">Type of sums, residual and y in memory; the bias is float32.</param>
internal sealed class ConvolutionFinish(CudaContext context, OwnConv2D own, ComputePrecision stored)
{
    private const string File = "Conv2DEpilogue.cu";
    private const int VectorBytes = 16;

    private readonly KernelFunction _dense = new(context, File, NarrowName.Of("conv2d_finish", stored)), _pooled = new(context, File, NarrowName.Of("conv2d_finish_pooled", stored));
    private readonly int _lanes = VectorBytes / (stored.IsNarrow() ? sizeof(ushort) : sizeof(float));

    /// <summary>y of dense sums; it may be their memory, or the residual's, where it is dense and not pooled.</summary>
    public void Run(in FusedConv2DGeometry g, nint sums, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        long count = (long)g.N * g.StoredH * g.StoredW * g.O / _lanes;
        bool isDense = g.O % _lanes == 0 && (residual.IsNull || g.Residual == ImageLayout.Dense(g.OutH, g.OutW, g.O)) && g.Output == ImageLayout.Dense(g.StoredH, g.StoredW, g.O)
            && (sums | b.Address | residual.Address | y.Address) % VectorBytes == 0 && count <= int.MaxValue;
        if (!isDense)
            own.Finish(g, sums, b, residual, y);
        else if (g.MaxPool)
            _pooled.OverThreads(count, sums, b, residual, y, (uint)count, (uint)(g.O / _lanes), (uint)g.OutH, (uint)g.OutW, (int)g.Activation);
        else
            _dense.OverThreads(count, sums, b, residual, y, (uint)count, (uint)(g.O / _lanes), (int)g.Activation);
    }
}

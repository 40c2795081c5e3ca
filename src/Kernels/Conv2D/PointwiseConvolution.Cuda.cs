using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// Convolutions with a filter of 1 x 1 as what they are, a product of pixels and weights: y [pixels,O] = x [pixels,C] w [O,C]'. With a step, the pixels that it meets are brought together first.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="affine">The product forward, with what follows it.</param>
/// <param name="products">Those backward.</param>
/// <param name="weights">The gradient of w.</param>
/// <param name="stored">How x, w and y lie in memory; the gradient of w is float32.</param>
internal sealed class PointwiseConvolution(CudaContext context, CudaAffine affine, CudaProducts products, CudaWeightProduct weights, ComputePrecision stored)
{
    private const string File = "Conv2DEpilogue.cu";
    private const int VectorBytes = 16;

    private readonly KernelFunction _take = new(context, File, "take_pixels"), _put = new(context, File, NarrowName.Of("put_pixels", stored));
    private readonly int _size = stored.IsNarrow() ? sizeof(ushort) : sizeof(float);

    /// <summary>Who computes it, for people.</summary>
    public string Name => affine.Name;

    /// <summary>True where it takes a convolution: 1 x 1, no padding, one group; and with a step, pixels of whole vectors.</summary>
    public bool Takes(in Conv2DGeometry g) => context.Options.UsesCudnn && g is { R: 1, S: 1, Groups: 1, N: > 0 } && g.Padding == Padding2D.None && g.OutH > 0 && g.OutW > 0 && Pixels(g) <= int.MaxValue
        && (IsWhole(g) || ((long)g.C * _size % VectorBytes == 0 && (long)g.N * g.H * g.W * g.C * _size / VectorBytes <= int.MaxValue));

    /// <summary>True where the library applies an activation as the engine does.</summary>
    public bool Has(FusedActivation activation) => activation == FusedActivation.None || (activation == FusedActivation.ReLU && affine.Has(UnaryFormula.ReLU));

    /// <summary>y = activation(convolution + b + residual); the activation is one that it <see cref="Has"/>, b is of the type of y.</summary>
    public void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, nint b, DevicePtr<float> residual, DevicePtr<float> y, FusedActivation activation = FusedActivation.None)
    {
        using CudaScratch taken = Take(g, ref x);
        affine.Run(new FrozenDenseGeometry((int)Pixels(g), g.C, g.O) { Activation = activation == FusedActivation.None ? null : UnaryFormula.ReLU }, x.Address, w.Address, b, residual.Address, y.Address,
            isTurned: true);
    }

    /// <summary>dx = beta dx + the gradient.</summary>
    public void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        int pixels = (int)Pixels(g);
        if (IsWhole(g))
        {
            products.Multiply(false, false, pixels, g.C, g.O, dy, w, dx, beta);
            return;
        }
        using var met = new CudaScratch(context, (long)pixels * g.C * _size);
        products.Multiply(false, false, pixels, g.C, g.O, dy, w, new DevicePtr<float>(met.Address), 0);
        long count = (long)g.N * g.H * g.W * g.C * _size / VectorBytes;
        _put.OverThreads(count, met.Address, dx, (uint)count, Grid(g), beta);
    }

    /// <summary>dw = beta dw + the gradient.</summary>
    public void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        using CudaScratch taken = Take(g, ref x);
        weights.Multiply(g.O, g.C, (int)Pixels(g), dy, x, dw, beta);
    }

    private static bool IsWhole(in Conv2DGeometry g) => g.StrideH == 1 && g.StrideW == 1;

    private static long Pixels(in Conv2DGeometry g) => (long)g.N * g.OutH * g.OutW;

    /// <summary>With a step, a copy of the pixels that it meets takes the place of x.</summary>
    private CudaScratch Take(in Conv2DGeometry g, ref DevicePtr<float> x)
    {
        if (IsWhole(g))
            return default;
        long bytes = Pixels(g) * g.C * _size;
        (DevicePtr<float> all, KernelArgument grid) = (x, Grid(g));
        CudaScratch taken = CudaScratch.Filled(context, bytes, met => _take.OverThreads(bytes / VectorBytes, all, met, (uint)(bytes / VectorBytes), grid));
        x = new DevicePtr<float>(taken.Address);
        return taken;
    }

    private KernelArgument Grid(in Conv2DGeometry g) =>
        KernelArgument.Of(new PixelGrid((uint)g.H, (uint)g.W, (uint)g.OutH, (uint)g.OutW, (uint)g.StrideH, (uint)g.StrideW, (uint)((long)g.C * _size / VectorBytes)));

    /// <summary>Laid out as Grid of Conv2DEpilogue.cu.</summary>
    private readonly record struct PixelGrid(uint Height, uint Width, uint OutHeight, uint OutWidth, uint StepDown, uint StepAcross, uint Columns);
}

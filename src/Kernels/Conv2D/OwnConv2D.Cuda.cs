using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>The launches of Conv2D.cu: tiled products where their tiles are well filled, else the naive kernels.</summary>
internal sealed class OwnConv2D(CudaContext context, CudaReduceKernels reduce, ComputePrecision stored = ComputePrecision.Float32)
{
    private const string File = "Conv2D.cu";
    private const int Side = 64, TileThreads = 256; // as in Conv2D.cu
    private const int FewChannels = 8, ShallowProduct = 8; // below them, tiles of 64 x 64 x 16 are mostly empty

    private readonly KernelFunction _forward = new(context, File, NarrowName.Of("conv2d_forward_tiled", stored)), _forwardNaive = new(context, File, NarrowName.Of("conv2d_forward_naive", stored)),
        _epilogue = new(context, File, NarrowName.Of("conv2d_epilogue", stored)),
        _backwardInput = new(context, File, "conv2d_backward_input_tiled"), _backwardInputNaive = new(context, File, "conv2d_backward_input_naive"),
        _backwardWeight = new(context, File, "conv2d_backward_weight_tiled"), _backwardWeightNaive = new(context, File, "conv2d_backward_weight_naive");

    /// <summary>y = activation(b + residual + convolution), or the largest of each 2 x 2 of these.</summary>
    /// <param name="g">Sizes, and where x, residual and y lie.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="x">The first pixel.</param>
    /// <param name="w">[O,R,S,C / groups].</param>
    /// <param name="b">[O], or Null.</param>
    /// <param name="residual">The first pixel, or Null.</param>
    /// <param name="y">The first pixel.</param>
    public void Forward(in FusedConv2DGeometry g, int groups, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Conv2DSizes sizes = Sizes(g, groups);
        KernelArgument convolution = KernelArgument.Of(sizes), from = KernelArgument.Of(g.Input), beside = KernelArgument.Of(g.Residual), to = KernelArgument.Of(g.Output);
        int activation = (int)g.Activation, pool = g.MaxPool ? 1 : 0;
        if (IsTiled(sizes.GroupO, sizes.Depth))
            _forward.Launch(Tiles(Computed(g)) * Tiles(sizes.GroupO) * groups, TileThreads, x, w, b, residual, y, convolution, from, beside, to, activation, pool);
        else
            _forwardNaive.Over(Stored(g), x, w, b, residual, y, Stored(g), convolution, from, beside, to, activation, pool);
    }

    /// <summary>The same for sums that a library has stored, dense; y may be their memory where it is dense and not pooled.</summary>
    public void Finish(in FusedConv2DGeometry g, nint sums, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) => _epilogue.Over(
        Stored(g), sums, b, residual, y, Stored(g), KernelArgument.Of(Sizes(g, 1)), KernelArgument.Of(g.Residual), KernelArgument.Of(g.Output), (int)g.Activation, g.MaxPool ? 1 : 0);

    /// <summary>dx = beta dx + the gradient.</summary>
    public void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        Conv2DSizes sizes = Conv2DSizes.Of(g);
        long pixels = (long)g.N * g.H * g.W;
        if (IsTiled(g.GroupC, (long)g.R * g.S * g.GroupO))
            _backwardInput.Launch(Tiles(pixels) * Tiles(g.GroupC) * g.Groups, TileThreads, dy, w, dx, KernelArgument.Of(sizes), beta);
        else
            _backwardInputNaive.Over(pixels * g.C, dy, w, dx, pixels * g.C, KernelArgument.Of(sizes), beta);
    }

    /// <summary>dw = beta dw + the gradient. Long sums are cut into segments, so that there are blocks enough.</summary>
    public void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        Conv2DSizes sizes = Conv2DSizes.Of(g);
        long weights = g.O * sizes.Depth;
        KernelArgument from = KernelArgument.Of(ImageLayout.Dense(g.H, g.W, g.C));
        if (!IsTiled(g.GroupO, sizes.Depth))
        {
            _backwardWeightNaive.Launch(weights, CudaRows.Threads(sizes.Pixels), x, dy, dw, KernelArgument.Of(sizes), from, beta);
            return;
        }
        long tiles = Tiles(g.GroupO) * Tiles(sizes.Depth) * g.Groups;
        CudaSegments pixels = CudaSegments.Of(sizes.Pixels, tiles, shortest: 512);
        using var parts = new CudaScratch(context, pixels.Count * weights * sizeof(double));
        _backwardWeight.Launch(tiles, pixels.Count, TileThreads, 1, x, dy, parts.Address, KernelArgument.Of(sizes), from, pixels.Length);
        reduce.JoinParts(parts.Address, dw, weights, pixels.Count, beta);
    }

    private static bool IsTiled(int columns, long depth) => columns >= FewChannels && depth >= ShallowProduct;

    private static long Tiles(long extent) => (extent + Side - 1) / Side;

    private static Conv2DSizes Sizes(in FusedConv2DGeometry g, int groups) => new(
        g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding.Top, g.Padding.Left, groups, g.OutH, g.OutW);

    /// <summary>Numbers of y.</summary>
    private static long Stored(in FusedConv2DGeometry g) => (long)g.N * g.StoredH * g.StoredW * g.O;

    /// <summary>Output pixels that are computed: pooling drops a last odd row or column.</summary>
    private static long Computed(in FusedConv2DGeometry g) => (long)g.N * g.StoredH * g.StoredW * (g.MaxPool ? 4 : 1);
}

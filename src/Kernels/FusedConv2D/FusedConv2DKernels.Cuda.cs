using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Products for filters of 1 x 1, Winograd's algorithm for 3 x 3, and cuDNN or own kernels for all else.</summary>
internal sealed class CudaFusedConv2DKernels(FusedConvolution convolution, WinogradConvolution? winograd, CudaMemoryKernels memory) : FusedConv2DKernels
{
    public override bool SpreadsPixels => false;

    /// <inheritdoc/>
    /// <remarks>No algorithm reads a border: where none is asked for, images have none.</remarks>
    public override ConvAlgorithm Choose(in FusedConv2DGeometry g)
    {
        FusedConv2DGeometry plain = g with { Input = g.InputBorder > 0 ? ImageLayout.Dense(g.H, g.W, g.C) : g.Input, InputBorder = 0 };
        return convolution.IsPointwise(plain) ? ConvAlgorithm.Pointwise : Supports(ConvAlgorithm.WinogradF4, plain) ? ConvAlgorithm.WinogradF4 : ConvAlgorithm.General;
    }

    public override string Routine(ConvAlgorithm algorithm) => algorithm switch
    {
        ConvAlgorithm.Pointwise => convolution.PointwiseRoutine,
        ConvAlgorithm.WinogradF4 => "Conv2D by Winograd F(4x4,3x3) and cuBLAS",
        _ => convolution.Routine,
    };

    public override bool Supports(ConvAlgorithm algorithm, in FusedConv2DGeometry g) => algorithm switch
    {
        ConvAlgorithm.General => true,
        ConvAlgorithm.Pointwise => convolution.IsPointwise(g),
        ConvAlgorithm.WinogradF4 => winograd?.Takes(FusedConvolution.Plain(g)) == true && FusedConvolution.IsDense(g),
        _ => false,
    };

    public override long PackedSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm) =>
        algorithm == ConvAlgorithm.WinogradF4 ? WinogradConvolution.WeightFloats(g.O, g.C) : (long)g.O * g.R * g.S * g.C;

    public override void Pack(in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> w, DevicePtr<float> packed)
    {
        Demand(algorithm, g);
        if (algorithm == ConvAlgorithm.WinogradF4)
            winograd!.Transform(g.O, g.C, w, packed.Address);
        else
            memory.Copy(w, packed, PackedSize(g, algorithm));
    }

    public override void Run(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Demand(algorithm, g);
        if (algorithm == ConvAlgorithm.WinogradF4)
            winograd!.Forward(FusedConvolution.Plain(g), x, packed.Address, b, residual, y, g.Activation, g.MaxPool);
        else
            convolution.Run(g, x, packed, b, b.Address, residual, y);
    }

    private void Demand(ConvAlgorithm algorithm, in FusedConv2DGeometry g)
    {
        if (!Supports(algorithm, g))
            throw new NotSupportedException($"FusedConv2D: on CUDA, {algorithm} does not take {g}.");
    }
}

/// <summary>
/// A convolution with all that follows it, on numbers of one type in memory: 1 x 1 as a product; sums by cuDNN where x is dense and cuDNN takes them; else by own kernels.
/// </summary>
/// <remarks>
/// cuDNN's call with bias and activation serves where there is no activation: its ReLU makes 0 of NaN, which has to stay NaN here. Elsewhere an own kernel does all
/// that comes after the sums in one pass.
/// </remarks>
/// <param name="context">The GPU.</param>
/// <param name="convolutions">cuDNN on that type.</param>
/// <param name="pointwise">Products on that type.</param>
/// <param name="own">Own kernels on that type.</param>
/// <param name="finish">What comes after the sums.</param>
/// <param name="padding">Copies of that type.</param>
/// <param name="numberSize">Its bytes.</param>
internal sealed class FusedConvolution(CudaContext context, CudaConvolutions convolutions, PointwiseConvolution pointwise, OwnConv2D own, ConvolutionFinish finish, EvenPadding padding, int numberSize)
{
    /// <summary>Who computes it, for people.</summary>
    public string Routine => $"Conv2D by {convolutions.Name}";

    /// <summary>Who computes filters of 1 x 1.</summary>
    public string PointwiseRoutine => $"Conv2D 1x1 by {pointwise.Name}";

    /// <summary>The convolution alone.</summary>
    public static Conv2DGeometry Plain(in FusedConv2DGeometry g) => new(g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding, 1);

    /// <summary>True where images and results lie without gaps; the residual, too.</summary>
    public static bool IsDense(in FusedConv2DGeometry g) => g.Input == ImageLayout.Dense(g.H, g.W, g.C) && g.Residual == ImageLayout.Dense(g.OutH, g.OutW, g.O)
        && g.Output == ImageLayout.Dense(g.StoredH, g.StoredW, g.O);

    /// <summary>True where it is a product.</summary>
    public bool IsPointwise(in FusedConv2DGeometry g) => !g.MaxPool && IsDense(g) && pointwise.Takes(Plain(g));

    /// <summary>The output. x, w, residual and y are addresses of that type.</summary>
    /// <param name="g">Sizes, and where x, residual and y lie.</param>
    /// <param name="x">The images.</param>
    /// <param name="w">[O,R,S,C].</param>
    /// <param name="b">[O] of float32, or Null.</param>
    /// <param name="typedB">The same numbers of that type.</param>
    /// <param name="residual">The residual, or Null.</param>
    /// <param name="y">The result; it may be the residual.</param>
    public void Run(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, nint typedB, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (IsPointwise(g))
            RunPointwise(g, x, w, b, typedB, residual, y);
        else if (g.Input != ImageLayout.Dense(g.H, g.W, g.C) || !RunCudnn(g, x, w, b, residual, y))
            own.Forward(g, 1, x, w, b, residual, y);
    }

    private void RunPointwise(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, nint typedB, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (pointwise.Has(g.Activation))
        {
            pointwise.Forward(Plain(g), x, w, typedB, residual, y, g.Activation);
            return;
        }
        bool inPlace = residual != y;
        using CudaScratch sums = inPlace ? default : new CudaScratch(context, (long)g.N * g.OutH * g.OutW * g.O * numberSize);
        nint to = inPlace ? y.Address : sums.Address;
        pointwise.Forward(Plain(g), x, w, 0, DevicePtr<float>.Null, new DevicePtr<float>(to));
        finish.Run(g, to, b, residual, y);
    }

    private bool RunCudnn(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Conv2DGeometry convolution = Plain(g);
        if (!convolutions.Takes(convolution))
            return false;
        ImageLayout dense = ImageLayout.Dense(g.OutH, g.OutW, g.O);
        bool isDense = !g.MaxPool && g.Output == dense;
        using CudaScratch padded = padding.Copy(convolution, x, out Conv2DGeometry even, out DevicePtr<float> from);
        if (isDense && g.Activation == FusedActivation.None && !b.IsNull && (residual.IsNull || g.Residual == dense) && convolutions.ForwardWithBias(even, from, w, b, residual, y))
            return true;
        bool inPlace = isDense && residual != y;
        using CudaScratch sums = inPlace ? default : new CudaScratch(context, g.N * dense.ImageStride * numberSize);
        nint to = inPlace ? y.Address : sums.Address;
        if (!convolutions.Run(CudnnDirection.Forward, even, from, w, new DevicePtr<float>(to), 0))
            return false;
        if (!inPlace || !b.IsNull || !residual.IsNull || g.Activation != FusedActivation.None)
            finish.Run(g, to, b, residual, y);
        return true;
    }
}

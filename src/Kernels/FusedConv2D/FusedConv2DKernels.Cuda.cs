using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>One algorithm for every geometry, weights as they come.</summary>
internal sealed class CudaFusedConv2DKernels(FusedConvolution convolution, CudaMemoryKernels memory) : FusedConv2DKernels
{
    public override bool SpreadsPixels => false;

    public override ConvAlgorithm Choose(in FusedConv2DGeometry g) => ConvAlgorithm.General;

    public override string Routine(ConvAlgorithm algorithm) => convolution.Routine;

    public override bool Supports(ConvAlgorithm algorithm, in FusedConv2DGeometry g) => algorithm == ConvAlgorithm.General;

    public override long PackedSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm) => (long)g.O * g.R * g.S * g.C;

    public override void Pack(in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> w, DevicePtr<float> packed)
    {
        Demand(algorithm, g);
        memory.Copy(w, packed, PackedSize(g, algorithm));
    }

    public override long ScratchSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm) => 0;

    public override void Run(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Demand(algorithm, g);
        convolution.Run(g, x, packed, b, residual, y);
    }

    private void Demand(ConvAlgorithm algorithm, in FusedConv2DGeometry g)
    {
        if (!Supports(algorithm, g))
            throw new NotSupportedException($"FusedConv2D: on CUDA there is the algorithm {ConvAlgorithm.General} alone, not {algorithm}.");
    }
}

/// <summary>A convolution with all that follows it, on numbers of one type in memory. Sums by cuDNN where x is dense and cuDNN takes them, else by own kernels.</summary>
/// <remarks>
/// cuDNN's call with bias and activation serves where there is no activation: its ReLU makes 0 of NaN, which has to stay NaN here. Elsewhere an own kernel does all
/// that comes after the sums in one pass.
/// </remarks>
/// <param name="context">The GPU.</param>
/// <param name="convolutions">cuDNN on that type.</param>
/// <param name="own">Own kernels on that type.</param>
/// <param name="padding">Copies of that type.</param>
/// <param name="numberSize">Its bytes.</param>
internal sealed class FusedConvolution(CudaContext context, CudaConvolutions convolutions, OwnConv2D own, EvenPadding padding, int numberSize)
{
    /// <summary>Who computes it, for people.</summary>
    public string Routine => $"Conv2D by {convolutions.Name}";

    /// <summary>The output. x, w, residual and y are addresses of that type, b of float32.</summary>
    public void Run(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (g.Input != ImageLayout.Dense(g.H, g.W, g.C) || !RunCudnn(g, x, w, b, residual, y))
            own.Forward(g, 1, x, w, b, residual, y);
    }

    private bool RunCudnn(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        var convolution = new Conv2DGeometry(g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding, 1);
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
            own.Finish(g, to, b, residual, y);
        return true;
    }
}

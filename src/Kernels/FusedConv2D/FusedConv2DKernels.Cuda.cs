using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>One algorithm for every geometry, weights as they come. Sums by cuDNN where x is dense and cuDNN takes them, else by own kernels.</summary>
/// <remarks>
/// cuDNN's call with bias and activation serves where there is no activation: its ReLU makes 0 of NaN, which has to stay NaN here. Elsewhere an own kernel does all
/// that comes after the sums in one pass.
/// </remarks>
internal sealed class CudaFusedConv2DKernels(CudaContext context, OwnConv2D own, EvenPadding padding, CudaMemoryKernels memory) : FusedConv2DKernels
{
    public override ConvAlgorithm Choose(in FusedConv2DGeometry g) => ConvAlgorithm.General;

    public override string Routine(ConvAlgorithm algorithm) => $"Conv2D by {context.Dnn.Name}";

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
        if (g.Input != ImageLayout.Dense(g.H, g.W, g.C) || !RunCudnn(g, x, packed, b, residual, y))
            own.Forward(g, 1, x, packed, b, residual, y);
    }

    private bool RunCudnn(in FusedConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        var convolution = new Conv2DGeometry(g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding, 1);
        if (!context.Dnn.Takes(convolution))
            return false;
        ImageLayout dense = ImageLayout.Dense(g.OutH, g.OutW, g.O);
        bool isDense = !g.MaxPool && g.Output == dense;
        using CudaScratch padded = padding.Copy(convolution, x, out Conv2DGeometry even, out DevicePtr<float> from);
        if (isDense && g.Activation == FusedActivation.None && !b.IsNull && (residual.IsNull || g.Residual == dense) && context.Dnn.ForwardWithBias(even, from, w, b, residual, y))
            return true;
        bool inPlace = isDense && residual != y;
        using CudaScratch sums = inPlace ? default : new CudaScratch(context, g.N * dense.ImageStride * sizeof(float));
        nint to = inPlace ? y.Address : sums.Address;
        if (!context.Dnn.Run(CudnnDirection.Forward, even, from, w, new DevicePtr<float>(to), 0))
            return false;
        if (!inPlace || !b.IsNull || !residual.IsNull || g.Activation != FusedActivation.None)
            own.Finish(g, to, b, residual, y);
        return true;
    }

    private void Demand(ConvAlgorithm algorithm, in FusedConv2DGeometry g)
    {
        if (!Supports(algorithm, g))
            throw new NotSupportedException($"FusedConv2D: on CUDA there is the algorithm {ConvAlgorithm.General} alone, not {algorithm}.");
    }
}

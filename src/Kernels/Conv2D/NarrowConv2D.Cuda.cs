using Graft.Kernels.Cuda;
using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>
/// Convolutions in training whose images and weights have 16 bits in memory: libraries read and write them as they are. Biases are float32 and rounded just before; their gradients and those of weights
/// are float32.
/// </summary>
/// <remarks>What no library takes runs on float32 copies by own kernels, and is rounded once.</remarks>
/// <param name="context">The GPU.</param>
/// <param name="precision">The format.</param>
/// <param name="convolutions">cuDNN on it.</param>
/// <param name="pointwise">Products on it.</param>
/// <param name="finish">The bias, where cuDNN has not added it.</param>
/// <param name="padding">Copies inside of padding.</param>
/// <param name="reduce">Sums of 16 bits.</param>
/// <param name="exact">Sums of float32.</param>
internal sealed class NarrowConv2DKernels(CudaContext context, ComputePrecision precision, CudaConvolutions convolutions, PointwiseConvolution pointwise, ConvolutionFinish finish, EvenPadding padding,
    CudaReduceKernels reduce, CudaReduceKernels exact) : Conv2DKernels<ushort>
{
    private readonly CudaRounding _rounding = new(context, precision);
    private readonly OwnConv2D _own = new(context, exact);

    public override void Forward(in Conv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> y)
    {
        using CudaScratch bias = b.IsNull ? default : _rounding.Round(b, g.O);
        if (pointwise.Takes(g))
            pointwise.Forward(g, At(x), At(w), bias.Address, DevicePtr<float>.Null, At(y));
        else if (!RunForward(g, At(x), At(w), b, Of(bias), At(y)))
            OwnForward(g, x, w, b, y);
    }

    public override void BackwardInput(in Conv2DGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> w, DevicePtr<ushort> dx, float beta)
    {
        if (pointwise.Takes(g))
            pointwise.BackwardInput(g, At(dy), At(w), At(dx), beta);
        else if (!padding.BackwardInput(convolutions, g, At(dy), At(w), At(dx), beta))
            OwnBackwardInput(g, dy, w, dx, beta);
    }

    public override void BackwardWeight(in Conv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> dw, float beta)
    {
        if (pointwise.Takes(g))
            pointwise.BackwardWeight(g, At(x), At(dy), dw, beta);
        else if (!RunBackwardWeight(g, At(x), At(dy), dw, beta))
            OwnBackwardWeight(g, x, dy, dw, beta);
    }

    public override void BackwardBias(in Conv2DGeometry g, DevicePtr<ushort> dy, DevicePtr<float> db, float beta) =>
        reduce.SumRows(exact, checked(g.N * g.OutH * g.OutW), g.O, dy.Address, db, beta);

    private bool RunForward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> weights, DevicePtr<float> b, DevicePtr<float> bias, DevicePtr<float> y)
    {
        if (!convolutions.Takes(g))
            return false;
        using CudaScratch padded = padding.Copy(g, x, out Conv2DGeometry even, out DevicePtr<float> from);
        if (!b.IsNull && context.Dnn.ForwardWithBias(precision, even, from, weights, bias, DevicePtr<float>.Null, y))
            return true;
        if (!convolutions.Run(CudnnDirection.Forward, even, from, weights, y, 0))
            return false;
        if (!b.IsNull)
            finish.Run(FusedConv2DGeometry.From(g with { Groups = 1 }), y.Address, b, DevicePtr<float>.Null, y);
        return true;
    }

    // cuDNN has the sums in 16 bits.
    private bool RunBackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        if (!convolutions.Takes(g))
            return false;
        using CudaScratch padded = padding.Copy(g, x, out Conv2DGeometry even, out DevicePtr<float> from), sums = new(context, Weights(g) * sizeof(ushort));
        if (!convolutions.Run(CudnnDirection.BackwardWeight, even, from, dy, Of(sums), 0))
            return false;
        _rounding.Widen(sums.Address, dw, Weights(g), beta);
        return true;
    }

    private void OwnForward(in Conv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> y)
    {
        using CudaScratch wide = Widened(x, Inputs(g)), weights = Widened(w, Weights(g)), sums = new(context, Outputs(g) * sizeof(float));
        _own.Forward(FusedConv2DGeometry.From(g with { Groups = 1 }), g.Groups, Of(wide), Of(weights), b, DevicePtr<float>.Null, Of(sums));
        _rounding.Round(Of(sums), y.Address, Outputs(g));
    }

    private void OwnBackwardInput(in Conv2DGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> w, DevicePtr<ushort> dx, float beta)
    {
        using CudaScratch wide = Widened(dy, Outputs(g)), weights = Widened(w, Weights(g)), sums = new(context, Inputs(g) * sizeof(float));
        _own.BackwardInput(g, Of(wide), Of(weights), Of(sums), 0);
        _rounding.Round(Of(sums), dx.Address, Inputs(g), beta);
    }

    private void OwnBackwardWeight(in Conv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> dw, float beta)
    {
        using CudaScratch wideX = Widened(x, Inputs(g)), wideDY = Widened(dy, Outputs(g));
        _own.BackwardWeight(g, Of(wideX), Of(wideDY), dw, beta);
    }

    private CudaScratch Widened(DevicePtr<ushort> numbers, long count) =>
        CudaScratch.Filled(context, count * sizeof(float), wide => _rounding.Widen(numbers.Address, new DevicePtr<float>(wide), count));

    private static DevicePtr<float> Of(CudaScratch block) => new(block.Address);

    private static long Weights(in Conv2DGeometry g) => (long)g.O * g.R * g.S * g.GroupC;

    private static long Inputs(in Conv2DGeometry g) => (long)g.N * g.H * g.W * g.C;

    private static long Outputs(in Conv2DGeometry g) => (long)g.N * g.OutH * g.OutW * g.O;
}

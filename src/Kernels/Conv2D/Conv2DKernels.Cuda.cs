using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Filters of 1 x 1 as products; those of 3 x 3 in float32 by Winograd's algorithm; else cuDNN where it is there and takes the geometry, or own kernels.</summary>
/// <param name="context">The GPU.</param>
/// <param name="convolutions">cuDNN.</param>
/// <param name="pointwise">Products.</param>
/// <param name="winograd">Winograd's algorithm; null where the precision is not float32.</param>
/// <param name="patches">Gradients with a step; null where the precision is not float32.</param>
/// <param name="own">Own kernels.</param>
/// <param name="reduce">Sums.</param>
/// <param name="padding">Copies inside of padding.</param>
internal sealed class CudaConv2DKernels(CudaContext context, CudaConvolutions convolutions, PointwiseConvolution pointwise, WinogradConvolution? winograd, PatchConvolution? patches, OwnConv2D own, CudaReduceKernels reduce, EvenPadding padding)
    : Conv2DKernels
{
    private readonly CudaBias _bias = new(context);

    public override void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        if (pointwise.Takes(g))
        {
            pointwise.Forward(g, x, w, b.Address, DevicePtr<float>.Null, y);
            return;
        }
        if (winograd?.Takes(g) == true)
        {
            winograd.Forward(g, x, w, b, y);
            return;
        }
        if (!convolutions.Takes(g))
        {
            own.Forward(Plain(g), g.Groups, x, w, b, DevicePtr<float>.Null, y);
            return;
        }
        using CudaScratch padded = padding.Copy(g, x, out Conv2DGeometry even, out DevicePtr<float> from);
        if (!b.IsNull && convolutions.ForwardWithBias(even, from, w, b, DevicePtr<float>.Null, y))
            return;
        if (convolutions.Run(CudnnDirection.Forward, even, from, w, y, 0))
            _bias.Add(y, b, checked(g.N * g.OutH * g.OutW), g.O);
        else
            own.Forward(Plain(g), g.Groups, x, w, b, DevicePtr<float>.Null, y);
    }

    public override void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        if (pointwise.Takes(g))
            pointwise.BackwardInput(g, dy, w, dx, beta);
        else if (winograd?.Takes(g) == true)
            winograd.BackwardInput(g, dy, w, dx, beta);
        else if (patches?.Takes(g) == true)
            patches.BackwardInput(g, dy, w, dx, beta);
        else if (!padding.BackwardInput(convolutions, g, dy, w, dx, beta))
            own.BackwardInput(g, dy, w, dx, beta);
    }

    public override void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        if (pointwise.Takes(g))
        {
            pointwise.BackwardWeight(g, x, dy, dw, beta);
            return;
        }
        if (winograd?.Takes(g) == true)
        {
            winograd.BackwardWeight(g, x, dy, dw, beta);
            return;
        }
        if (patches?.Takes(g) == true)
        {
            patches.BackwardWeight(g, x, dy, dw, beta);
            return;
        }
        if (convolutions.Takes(g))
        {
            using CudaScratch padded = padding.Copy(g, x, out Conv2DGeometry even, out DevicePtr<float> from);
            if (convolutions.Run(CudnnDirection.BackwardWeight, even, from, dy, dw, beta))
                return;
        }
        own.BackwardWeight(g, x, dy, dw, beta);
    }

    public override void BackwardBias(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) => reduce.SumRows((long)g.N * g.OutH * g.OutW, g.O, dy, db, beta);

    /// <summary>All on dense images, nothing after the bias; the groups are an argument beside it.</summary>
    private static FusedConv2DGeometry Plain(in Conv2DGeometry g) => FusedConv2DGeometry.From(g with { Groups = 1 });
}

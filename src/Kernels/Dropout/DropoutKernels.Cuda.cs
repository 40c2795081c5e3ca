using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaDropoutKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : DropoutKernels
{
    private const int Numbers = 4, Unroll = 2; // that share random words, and how many of them a thread has, as in Dropout.cu

    private readonly KernelFunction _packs = new(context, "Dropout.cu", NarrowName.Of("dropout_packs", stored)), _any = new(context, "Dropout.cu", NarrowName.Of("dropout", stored));

    public override void Forward(in DropoutGeometry g, DevicePtr<float> x, DevicePtr<float> y) => BackwardInput(g, x, y, 0);

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (g.Count > 0 && CudaPacks.Fit(g.Count, dy.Address, dx.Address))
            _packs.OverThreads(CudaPacks.Threads(g.Count, Numbers, Unroll), dy, dx, (int)g.Count, g.Rate, g.Scale, g.Seed, beta);
        else
            _any.Over((g.Count + 3) / 4, dy, dx, g.Count, g.Rate, g.Scale, g.Seed, beta);
    }
}

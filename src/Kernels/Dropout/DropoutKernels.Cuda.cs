using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaDropoutKernels(CudaContext context) : DropoutKernels
{
    private const int Unroll = 2; // packs of a thread, as in Dropout.cu

    private readonly KernelFunction _packs = new(context, "Dropout.cu", "dropout_packs"), _any = new(context, "Dropout.cu", "dropout");

    public override void Forward(in DropoutGeometry g, DevicePtr<float> x, DevicePtr<float> y) => BackwardInput(g, x, y, 0);

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (g.Count > 0 && CudaPacks.Fit(g.Count, dy.Address, dx.Address))
            _packs.OverThreads(CudaPacks.Threads(g.Count, CudaPacks.Width(ComputePrecision.Float32), Unroll), dy, dx, (int)g.Count, g.Rate, g.Scale, g.Seed, beta);
        else
            _any.Over((g.Count + 3) / 4, dy, dx, g.Count, g.Rate, g.Scale, g.Seed, beta);
    }
}

using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaBinaryKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : BinaryKernels
{
    private readonly KernelFunction _forward = new(context, "Binary.cu", NarrowName.Of("binary_forward", stored)), _backward = new(context, "Binary.cu", "binary_backward");

    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y) =>
        _forward.Over(g.Count, a, b, y, g.Count, (int)g.Formula, g.Extents, g.StridesA, g.StridesB);

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta) =>
        Backward(g, a, b, dy, da, beta, second: 0);

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        Backward(g, a, b, dy, db, beta, second: 1);

    private void Backward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> gradient, float beta, int second)
    {
        bool reads = g.Formula is not (BinaryFormula.Add or BinaryFormula.Subtract);
        _backward.Over(g.Count, reads ? a : DevicePtr<float>.Null, reads ? b : DevicePtr<float>.Null, dy, gradient, g.Count, (int)g.Formula, second, g.Extents, g.StridesA, g.StridesB, beta);
    }
}

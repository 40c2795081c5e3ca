using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Matrix products; a few rows go over the weight as a stream, without packing (<see cref="Gemm"/> decides).</summary>
internal sealed unsafe class CpuDenseKernels : DenseKernels
{
    public override void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y) =>
        Gemm.Run(false, false, g.N, g.O, g.I, x.Pointer, g.I, w.Pointer, g.O, y.Pointer, g.O, 0, b.Pointer);

    public override void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta) =>
        Gemm.Run(false, true, g.N, g.I, g.O, dy.Pointer, g.O, w.Pointer, g.O, dx.Pointer, g.I, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta) =>
        Gemm.Run(true, false, g.I, g.O, g.N, x.Pointer, g.I, dy.Pointer, g.O, dw.Pointer, g.O, beta);

    public override void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        ColumnSums.Run(g.N, g.O, new ColumnSums.Plain { X = dy.Pointer, C = g.O }, db.Pointer, beta);
}

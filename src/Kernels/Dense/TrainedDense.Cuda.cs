using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// Dense layers in training whose numbers have 16 bits: cuBLASLt and cuBLAS read and write them as they are. The bias is float32, and rounded just before; gradients of weight and bias are float32.
/// </summary>
/// <param name="affine">The product forward, with the bias.</param>
/// <param name="matMul">Those backward.</param>
/// <param name="rounding">To 16 bits.</param>
/// <param name="reduce">Sums of 16 bits.</param>
/// <param name="exact">Sums of float32.</param>
internal sealed class TrainedDenseKernels(CudaAffine affine, NarrowMatMulKernels matMul, CudaRounding rounding, CudaReduceKernels reduce, CudaReduceKernels exact) : DenseKernels<ushort>
{
    private static readonly int[] s_one = [0];

    public override void Forward(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> y)
    {
        using CudaScratch bias = b.IsNull ? default : rounding.Round(b, g.O);
        affine.Run(new FrozenDenseGeometry(g.N, g.I, g.O), x.Address, w.Address, bias.Address, 0, y.Address);
    }

    public override void BackwardInput(in DenseGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> w, DevicePtr<ushort> dx, float beta) => matMul.BackwardA(Product(g), dy, w, dx, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> dw, float beta) => matMul.BackwardB(Product(g), x, dy, dw, beta);

    public override void BackwardFactors(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float betaX, DevicePtr<float> dw, float betaW) =>
        matMul.BackwardFactors(Product(g), x, w, dy, dx, betaX, dw, betaW);

    public override void BackwardBias(in DenseGeometry g, DevicePtr<ushort> dy, DevicePtr<float> db, float beta) => reduce.SumRows(exact, g.N, g.O, dy.Address, db, beta);

    private static MatMulGeometry Product(in DenseGeometry g) => new(g.N, g.O, g.I, TransposeA: false, TransposeB: false, s_one, s_one, 1, 1);
}

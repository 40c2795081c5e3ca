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
/// <param name="padding">Copies of weights and outputs, both of 16 bits.</param>
/// <param name="rounded">Copies of a bias.</param>
internal sealed class TrainedDenseKernels(CudaAffine affine, NarrowMatMulKernels matMul, CudaRounding rounding, CudaReduceKernels reduce, CudaReduceKernels exact, CudaPadding padding, CudaPadding rounded)
    : DenseKernels<ushort>
{
    private static readonly int[] s_one = [0];

    public override void Forward(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> y)
    {
        if (g.O % CudaPadding.Multiple != 0 && (long)g.N * g.O >= CudaPadding.Fewest)
        {
            ForwardPadded(g, x, w, b, y);
            return;
        }
        using CudaScratch bias = b.IsNull ? default : rounding.Round(b, g.O);
        affine.Run(new FrozenDenseGeometry(g.N, g.I, g.O), x.Address, w.Address, bias.Address, 0, y.Address);
    }

    public override void BackwardInput(in DenseGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> w, DevicePtr<ushort> dx, float beta) => matMul.BackwardA(Product(g), dy, w, dx, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> dw, float beta) => matMul.BackwardB(Product(g), x, dy, dw, beta);

    public override void BackwardFactors(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float betaX, DevicePtr<float> dw, float betaW) =>
        matMul.BackwardFactors(Product(g), x, w, dy, dx, betaX, dw, betaW);

    public override void BackwardBias(in DenseGeometry g, DevicePtr<ushort> dy, DevicePtr<float> db, float beta) => reduce.SumRows(exact, g.N, g.O, dy.Address, db, beta);

    /// <summary>Many outputs in rows that tensor cores do not like, as of a vocabulary of 50257: weights and bias get outputs of zeros beside them, and the product goes some rows at a time by such ones. A number is rounded once all the same.</summary>
    private void ForwardPadded(in DenseGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> w, DevicePtr<float> b, DevicePtr<ushort> y)
    {
        using CudaScratch weight = padding.Pad(CudaNarrowKernels.At(w), g.I, g.O, out int width);
        using CudaScratch bias = b.IsNull ? default : rounded.Pad(b, 1, g.O, out _); // as wide
        using CudaScratch room = padding.Room(Math.Min(g.N, CudaPadding.RowsAtOnce), g.O, out _);
        for (int first = 0; first < g.N; first += CudaPadding.RowsAtOnce)
        {
            int rows = Math.Min(CudaPadding.RowsAtOnce, g.N - first);
            affine.Run(new FrozenDenseGeometry(rows, g.I, width), x.At((long)first * g.I).Address, weight.Address, bias.Address, 0, room.Address);
            padding.Unpad(room.Address, width, CudaNarrowKernels.At(y.At((long)first * g.O)), g.O, rows, g.O, 0);
        }
    }

    private static MatMulGeometry Product(in DenseGeometry g) => new(g.N, g.O, g.I, TransposeA: false, TransposeB: false, s_one, s_one, 1, 1);
}

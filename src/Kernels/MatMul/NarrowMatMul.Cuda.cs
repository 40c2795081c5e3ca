using Graft.Kernels.Cuda;
using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>One product of matrices of 16 bits in training, a not transposed: cuBLAS reads and writes them as they are. The gradient of b, a weight, is float32.</summary>
/// <param name="products">Products with results of 16 bits.</param>
/// <param name="exact">Those with results of float32.</param>
internal sealed class NarrowMatMulKernels(CudaProducts products, CudaProducts exact) : MatMulKernels<ushort>
{
    public override void Forward(in MatMulGeometry g, DevicePtr<ushort> a, DevicePtr<ushort> b, DevicePtr<ushort> y) =>
        products.Multiply(g.M, g.N, g.K, new CudaMatrices(At(a), g.K), Right(g, b), new CudaMatrices(At(y), g.N), 0);

    public override void BackwardA(in MatMulGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> b, DevicePtr<ushort> da, float beta) =>
        products.Multiply(g.M, g.K, g.N, new CudaMatrices(At(dy), g.N), Right(g, b).Turned, new CudaMatrices(At(da), g.K), beta);

    public override void BackwardB(in MatMulGeometry g, DevicePtr<ushort> a, DevicePtr<ushort> dy, DevicePtr<float> db, float beta)
    {
        using CudaScratch block = exact.Prepare(new CudaMatrices(At(dy), g.N), g.M, g.N, 1, out CudaFactor up);
        BackwardB(g, a, up, db, beta);
    }

    public override void BackwardFactors(in MatMulGeometry g, DevicePtr<ushort> a, DevicePtr<ushort> b, DevicePtr<ushort> dy, DevicePtr<ushort> da, float betaA, DevicePtr<float> db, float betaB)
    {
        using CudaScratch block = products.Prepare(new CudaMatrices(At(dy), g.N), g.M, g.N, 1, out CudaFactor up);
        products.Multiply(g.M, g.K, g.N, up, Right(g, b).Turned, new CudaMatrices(At(da), g.K), betaA);
        BackwardB(g, a, up, db, betaB);
    }

    private void BackwardB(in MatMulGeometry g, DevicePtr<ushort> a, in CudaFactor up, DevicePtr<float> db, float beta)
    {
        var left = new CudaMatrices(At(a), g.K);
        if (g.TransposeB) // db [N,K] = dyᵀ a
            exact.Multiply(g.N, g.K, g.M, up with { Matrices = up.Matrices.Turned }, left, new CudaMatrices(db, g.K), beta);
        else // db [K,N] = aᵀ dy
            exact.Multiply(g.K, g.N, g.M, left.Turned, up, new CudaMatrices(db, g.N), beta);
    }

    private static CudaMatrices Right(in MatMulGeometry g, DevicePtr<ushort> b) => new(At(b), g.TransposeB ? g.K : g.N, g.TransposeB);
}

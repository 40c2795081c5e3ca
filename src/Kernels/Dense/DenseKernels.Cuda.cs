using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Product and bias by cuBLASLt in one kernel, or by cuBLAS and an own one; gradients by cuBLAS, that of the bias as the sum of columns.</summary>
internal sealed class CudaDenseKernels(CudaAffine affine, CudaProducts products, CudaReduceKernels reduce) : DenseKernels
{
    public override void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y) =>
        affine.Run(new FrozenDenseGeometry(g.N, g.I, g.O), x.Address, w.Address, b.Address, 0, y.Address);

    public override void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta) =>
        products.Multiply(false, true, g.N, g.I, g.O, dy, w, dx, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta) =>
        products.Multiply(true, false, g.I, g.O, g.N, x, dy, dw, beta);

    public override void BackwardFactors(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> dy, DevicePtr<float> dx, float betaX, DevicePtr<float> dw, float betaW)
    {
        if (g.N == 0 || g.I == 0 || g.O == 0)
        {
            base.BackwardFactors(g, x, w, dy, dx, betaX, dw, betaW);
            return;
        }
        using CudaScratch block = products.Prepare(new CudaMatrices(dy, g.O), g.N, g.O, 1, out CudaFactor up);
        products.Multiply(g.N, g.I, g.O, up, new CudaMatrices(w, g.O, Transposed: true), new CudaMatrices(dx, g.I), betaX);
        products.Multiply(g.I, g.O, g.N, new CudaMatrices(x, g.I, Transposed: true), up, new CudaMatrices(dw, g.O), betaW);
    }

    public override void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        reduce.SumRows(g.N, g.O, dy, db, beta);
}

/// <summary>Adds a bias to the rows of a product.</summary>
internal sealed class CudaBias(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
{
    private readonly KernelFunction _add = new(context, "Dense.cu", NarrowName.Of("add_bias", stored));

    /// <summary>y [rows,columns] += b [columns]; nothing where b is Null.</summary>
    public void Add(DevicePtr<float> y, DevicePtr<float> b, int rows, int columns)
    {
        if (!b.IsNull)
            _add.Over((long)rows * columns, y, b, (long)rows * columns, columns);
    }
}

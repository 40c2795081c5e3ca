using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Products by cuBLAS, the bias by an own kernel, its gradient as the sum of columns.</summary>
internal sealed class CudaDenseKernels(CudaContext context, CudaReduceKernels reduce) : DenseKernels
{
    private readonly CudaBias _bias = new(context);

    public override void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        context.Blas.Multiply(false, false, g.N, g.O, g.I, x, w, y, 0);
        _bias.Add(y, b, g.N, g.O);
    }

    public override void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta) =>
        context.Blas.Multiply(false, true, g.N, g.I, g.O, dy, w, dx, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta) =>
        context.Blas.Multiply(true, false, g.I, g.O, g.N, x, dy, dw, beta);

    public override void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        reduce.SumRows(g.N, g.O, dy, db, beta);
}

/// <summary>Adds a bias to the rows of a product.</summary>
internal sealed class CudaBias(CudaContext context)
{
    private readonly KernelFunction _add = new(context, "Dense.cu", "add_bias");

    /// <summary>y [rows,columns] += b [columns]; nothing where b is Null.</summary>
    public void Add(DevicePtr<float> y, DevicePtr<float> b, int rows, int columns)
    {
        if (!b.IsNull)
            _add.Over((long)rows * columns, y, b, (long)rows * columns, columns);
    }
}

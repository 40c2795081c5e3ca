using Graft.Kernels.Cuda;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels;

/// <summary>cuBLAS reads weights as they are: packing is a copy. A residual is what the product is added to.</summary>
internal sealed class CudaFrozenDenseKernels(CudaContext context, UnaryKernels unary) : FrozenDenseKernels
{
    private readonly CudaBias _bias = new(context);

    public override long PackedSize(int k, int o) => (long)k * o;

    public override void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed) => Copy(w, packed, (long)k * o);

    public override void Run(in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        long count = (long)g.M * g.O;
        if (!residual.IsNull && residual != y)
            Copy(residual, y, count);
        context.Blas.Multiply(false, false, g.M, g.O, g.K, x, packed, y, residual.IsNull ? 0 : 1);
        _bias.Add(y, b, g.M, g.O);
        if (g.Activation is { } formula)
            unary.Forward(new UnaryGeometry(count, formula), y, y);
    }

    private void Copy(DevicePtr<float> from, DevicePtr<float> to, long count)
    {
        context.Use();
        Check.Ok(Driver.cuMemcpyDtoDAsync_v2((ulong)to.Address, (ulong)from.Address, (nuint)count * sizeof(float), context.Stream.Handle));
    }
}

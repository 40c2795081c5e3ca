using Graft.Kernels;

namespace Graft.Inference;

/// <summary>The rows of an embedding [out,in] read as a dense weight where they lie, on a kernel set that reads weights so.</summary>
internal sealed class TiedProduct(Tensor embedding, KernelSet kernels) : PackedProduct(embedding)
{
    public override Tensor? Packed => null;

    public override long Bytes => Kernel.Bytes;

    public override void Run(int rows, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        kernels.FrozenDense.Run(Geometry(rows, activation), x, Kernel.Data, bias, residual, y);

    public override bool RunNormed(int rows, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        kernels.FrozenDense.RunNormed(Geometry(rows, activation), norm, x, Kernel.Data, bias, residual, y);

    public override void Dispose()
    {
    }

    protected override void Pack()
    {
    }

    private FrozenDenseGeometry Geometry(int rows, UnaryFormula? activation) => new(rows, Kernel.Shape[1], Kernel.Shape[0], activation);
}

using Graft.Kernels;

namespace Graft.Inference;

/// <summary>A dense weight [in,out] as floats in the order in which they are read.</summary>
internal sealed class PackedDense(Tensor kernel, KernelSet kernels) : PackedProduct(kernel)
{
    private Tensor? _packed;

    /// <summary>Who reads it, for people.</summary>
    public string Routine => kernels.FrozenDense.Routine;

    public override Tensor? Packed => _packed;

    public override long Bytes => _packed?.Bytes ?? 0;

    public override void Run(int rows, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        kernels.FrozenDense.Run(new FrozenDenseGeometry(rows, Kernel.Shape[0], Kernel.Shape[1], activation), x, _packed!.Data, bias, residual, y);

    public override bool RunNormed(int rows, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        kernels.FrozenDense.RunNormed(new FrozenDenseGeometry(rows, Kernel.Shape[0], Kernel.Shape[1], activation), norm, x, _packed!.Data, bias, residual, y);

    public override void Dispose()
    {
        _packed?.Release();
        _packed = null;
    }

    protected override void Pack()
    {
        _packed ??= Tensor.Allocate(Kernel.Device, new Shape(checked((int)kernels.FrozenDense.PackedSize(Kernel.Shape[0], Kernel.Shape[1]))));
        kernels.FrozenDense.Pack(Kernel.Shape[0], Kernel.Shape[1], Kernel.Data, _packed.Data);
    }
}

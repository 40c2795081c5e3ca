using Graft.Kernels;

namespace Graft.Inference;

/// <summary>A dense weight in 16 or 8 bits: [in,out], or [out,in] where it is an embedding read backwards.</summary>
internal sealed class PackedNarrowDense(Tensor weight, WeightPrecision precision, bool transposed) : PackedProduct(weight)
{
    private readonly int _inputs = weight.Shape[transposed ? 1 : 0], _outputs = weight.Shape[transposed ? 0 : 1];
    private Tensor? _packed;

    /// <summary>Their precision.</summary>
    public WeightPrecision Precision => precision;

    public override Tensor? Packed => _packed;

    public override long Bytes => _packed?.Bytes ?? 0;

    public override void Run(int rows, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        Kernel.Device.Kernels.NarrowDense.Run(
            new NarrowDenseGeometry(rows, _inputs, _outputs, precision, activation), x, new DevicePtr<byte>(_packed!.Data.Address), bias, residual, y);

    public override bool RunNormed(int rows, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        Kernel.Device.Kernels.NarrowDense.RunNormed(
            new NarrowDenseGeometry(rows, _inputs, _outputs, precision, activation), norm, x, new DevicePtr<byte>(_packed!.Data.Address), bias, residual, y);

    public override void Dispose()
    {
        _packed?.Release();
        _packed = null;
    }

    protected override void Pack()
    {
        NarrowDenseKernels kernels = Kernel.Device.Kernels.NarrowDense;
        _packed ??= Tensor.Allocate(Kernel.Device, new Shape(checked((int)((kernels.PackedBytes(_inputs, _outputs, precision) + sizeof(float) - 1) / sizeof(float)))));
        kernels.Pack(_inputs, _outputs, precision, transposed, Kernel.Data, new DevicePtr<byte>(_packed.Data.Address));
    }
}

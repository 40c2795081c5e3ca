using Graft.Kernels;

namespace Graft.Inference;

/// <summary>A dense weight [in,out] in the order in which it is read.</summary>
internal sealed class PackedDense(Tensor kernel) : PackedWeights
{
    private Tensor? _packed;
    private int _version;

    /// <summary>The weight.</summary>
    public Tensor Kernel => kernel;

    public override long Bytes => _packed?.Bytes ?? 0;

    /// <summary>y = activation(x kernel + bias + residual).</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows,in].</param>
    /// <param name="bias">[out], or Null.</param>
    /// <param name="residual">[rows,out], or Null.</param>
    /// <param name="activation">Applied last; null for none.</param>
    /// <param name="y">[rows,out]; may be the residual.</param>
    public void Run(int rows, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) =>
        kernel.Device.Kernels.FrozenDense.Run(new FrozenDenseGeometry(rows, kernel.Shape[0], kernel.Shape[1], activation), x, _packed!.Data, bias, residual, y);

    public override void Refresh()
    {
        if (_packed is not null && _version == kernel.Version)
            return;
        FrozenDenseKernels kernels = kernel.Device.Kernels.FrozenDense;
        _packed ??= Tensor.Allocate(kernel.Device, new Shape(checked((int)kernels.PackedSize(kernel.Shape[0], kernel.Shape[1]))));
        kernels.Pack(kernel.Shape[0], kernel.Shape[1], kernel.Data, _packed.Data);
        _version = kernel.Version;
    }

    public override void Dispose()
    {
        _packed?.Release();
        _packed = null;
    }
}

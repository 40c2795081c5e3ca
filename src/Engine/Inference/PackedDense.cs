using Graft.Kernels;
using Graft.Layers;

namespace Graft.Inference;

/// <summary>The frozen weights of a Dense layer in the order in which they are read; packed anew when they have changed.</summary>
internal sealed class PackedDense(Dense layer) : IDisposable
{
    private Tensor? _packed;
    private Tensor? _source;
    private int _version;

    /// <summary>Outputs of the layer.</summary>
    public int Units => layer.Units;

    private Parameter Kernel => layer.Parameters[0];

    /// <summary>y = activation(x kernel + bias + residual), with the layer's activation.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows,inputs].</param>
    /// <param name="residual">[rows,units], or Null.</param>
    /// <param name="y">[rows,units]; may be the residual.</param>
    public void Run(int rows, DevicePtr<float> x, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Shape shape = Kernel.Shape;
        DevicePtr<float> bias = layer.UseBias ? layer.Parameters[1].Value.Data : DevicePtr<float>.Null;
        Kernel.Device.Kernels.FrozenDense.Run(new FrozenDenseGeometry(rows, shape[0], shape[1], Formula(layer.Activation)), x, _packed!.Data, bias, residual, y);
    }

    /// <summary>Packs the weights if they changed since the last time.</summary>
    public void Refresh()
    {
        Tensor kernel = Kernel.Value;
        if (_source == kernel && _version == kernel.Version)
            return;
        FrozenDenseKernels kernels = kernel.Device.Kernels.FrozenDense;
        if (_packed is not null && _packed.Device != kernel.Device)
            Dispose();
        _packed ??= Tensor.Allocate(kernel.Device, new Shape(checked((int)kernels.PackedSize(kernel.Shape[0], kernel.Shape[1]))));
        kernels.Pack(kernel.Shape[0], kernel.Shape[1], kernel.Data, _packed.Data);
        (_source, _version) = (kernel, kernel.Version);
    }

    public void Dispose()
    {
        _packed?.Release();
        (_packed, _source) = (null, null);
    }

    private static UnaryFormula? Formula(Activation activation) => activation switch
    {
        Activation.Linear => null,
        Activation.ReLU => UnaryFormula.ReLU,
        Activation.Gelu => UnaryFormula.Gelu,
        Activation.GeluTanh => UnaryFormula.GeluTanh,
        Activation.SiLU => UnaryFormula.SiLU,
        Activation.Tanh => UnaryFormula.Tanh,
        Activation.Sigmoid => UnaryFormula.Sigmoid,
        _ => throw new GraftException($"A packed Dense layer does not compute the activation {activation}."),
    };
}

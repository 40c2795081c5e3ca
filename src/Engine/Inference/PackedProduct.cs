using Graft.Kernels;

namespace Graft.Inference;

/// <summary>Packed weights of a dense layer, of whatever precision.</summary>
internal abstract class PackedProduct(Tensor weight) : PackedWeights
{
    private int _version = -1;

    public override Tensor Kernel => weight;

    /// <summary>y = activation(x w + bias + residual).</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows,in].</param>
    /// <param name="bias">[out], or Null.</param>
    /// <param name="residual">[rows,out], or Null.</param>
    /// <param name="activation">Applied last; null for none.</param>
    /// <param name="y">[rows,out]; may be the residual.</param>
    public abstract void Run(int rows, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y);

    /// <summary>The same of rows that are normalised on their way.</summary>
    /// <returns>False where nobody does that in one kernel; nothing was written.</returns>
    public virtual bool RunNormed(int rows, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> bias, DevicePtr<float> residual, UnaryFormula? activation, DevicePtr<float> y) => false;

    public override void Refresh()
    {
        if (Bytes > 0 && _version == weight.Version)
            return;
        Pack();
        _version = weight.Version;
    }

    /// <summary>Takes memory if there is none, and packs.</summary>
    protected abstract void Pack();
}

namespace Graft.Kernels;

/// <summary>Dense layer with frozen weights, for inference: y[m,o] = activation(b[o] + residual[m,o] + sum over k of x[m,k] w[k,o]).</summary>
/// <remarks>
/// Pack the weights once into <see cref="PackedSize"/> floats; run as often as wanted, with any M. Packed weights hold for this kernel set and
/// this processor. With few rows, the weights are read once, in one stream, and memory is the limit. y may be the same memory as the
/// residual; it must not overlap x.
/// </remarks>
public abstract class FrozenDenseKernels
{
    /// <summary>Who computes it, for people.</summary>
    public virtual string Routine => "FrozenDense";

    /// <summary>True where packed weights are w' [O,K] as it lies, so that a matrix that is stored so needs no packing.</summary>
    public virtual bool ReadsTransposed => false;

    /// <summary>Floats of the packed weights.</summary>
    public abstract long PackedSize(int k, int o);

    /// <summary>Brings w [K,O] into the order in which it is read.</summary>
    public abstract void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed);

    /// <summary>The output. <paramref name="b"/> [O] and <paramref name="residual"/> [M,O] may be Null.</summary>
    public abstract void Run(
        in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y);

    /// <summary>The output of normalised rows, by one kernel: x is normalised on its way.</summary>
    /// <returns>False where there is no such kernel for the sizes; nothing was written.</returns>
    public virtual bool RunNormed(
        in FrozenDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) => false;
}

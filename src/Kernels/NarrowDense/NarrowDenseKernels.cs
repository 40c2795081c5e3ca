namespace Graft.Kernels;

/// <summary>Dense layer with frozen weights of 16 or 8 bits, for inference where memory is the limit: y = activation(x w + b + residual).</summary>
/// <remarks>
/// BFloat16: each weight is rounded to 8 bits of precision, all else is float. Int8: inputs and weights of a block of
/// <see cref="NarrowDenseGeometry.Block"/> become whole numbers q from -127 to 127 with a common factor (largest magnitude / 127; one a row and
/// block of x, one an output and block of w); a block's sum of products of whole numbers is exact, times both factors. Dettmers et al. 2022,
/// arXiv:2208.07339, section 2, has the same by rows and columns; blocks keep one large number from coarsening all others.
/// y may be the same memory as the residual; it must not overlap x.
/// </remarks>
public abstract class NarrowDenseKernels
{
    /// <summary>Bytes of the packed weights.</summary>
    public abstract long PackedBytes(int k, int o, WeightPrecision precision);

    /// <summary>Rounds w [K,O], or with <paramref name="transposed"/> [O,K], and brings it into the order in which it is read.</summary>
    public abstract void Pack(int k, int o, WeightPrecision precision, bool transposed, DevicePtr<float> w, DevicePtr<byte> packed);

    /// <summary>The output. <paramref name="b"/> [O] and <paramref name="residual"/> [M,O] may be Null.</summary>
    public abstract void Run(
        in NarrowDenseGeometry g, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y);

    /// <summary>The output of normalised rows, by one kernel: x is normalised on its way.</summary>
    /// <returns>False where there is no such kernel for the sizes; nothing was written.</returns>
    public virtual bool RunNormed(
        in NarrowDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) => false;
}

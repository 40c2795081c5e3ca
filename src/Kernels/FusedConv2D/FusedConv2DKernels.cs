namespace Graft.Kernels;

/// <summary>
/// Convolution with frozen weights, for inference:
/// y[n,p,q,o] = activation(b[o] + residual[n,p,q,o] + sum over r,s,c of x[n, p strideH + r dilationH - top, q strideW + s dilationW - left, c] w[o,r,s,c]),
/// where x is 0 outside the image; with max pooling the largest of every 2 x 2 of these.
/// </summary>
/// <remarks>
/// Use: choose an algorithm by <see cref="Choose"/>, or any that <see cref="Supports"/> allows; pack the weights once into
/// <see cref="PackedSize"/> floats; run as often as wanted. Packed weights hold for the algorithm, the weight's shape [O,R,S,C], this
/// kernel set and this processor; the batch, the size of the images and the layouts may change between runs. A NaN stays NaN through
/// the activation. y may be the same memory as the residual, in the same layout; it must not overlap x.
/// </remarks>
public abstract class FusedConv2DKernels
{
    /// <summary>The algorithm that is expected to be the fastest here for this geometry without max pooling.</summary>
    public abstract ConvAlgorithm Choose(in FusedConv2DGeometry g);

    /// <summary>The routine behind an algorithm, for people; sets that leave the work to a library name it.</summary>
    public virtual string Routine(ConvAlgorithm algorithm) => algorithm.ToString();

    /// <summary>True where pixels that lie some numbers apart are read and written faster than dense ones; see <see cref="ImageLayout"/>.</summary>
    public virtual bool SpreadsPixels => true;

    /// <summary>True where the geometry is in the algorithm's domain. <see cref="ConvAlgorithm.General"/> takes every geometry without max pooling.</summary>
    public abstract bool Supports(ConvAlgorithm algorithm, in FusedConv2DGeometry g);

    /// <summary>Floats of the packed weights, for <see cref="Pack"/> (64-byte aligned memory is fastest).</summary>
    public abstract long PackedSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm);

    /// <summary>Brings w [O,R,S,C] into the algorithm's order.</summary>
    /// <exception cref="NotSupportedException">The geometry is outside the algorithm's domain.</exception>
    public abstract void Pack(in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> w, DevicePtr<float> packed);

    /// <summary>
    /// The output. x, residual and y are the addresses of the first pixel, inside of any border. <paramref name="b"/> [O] and
    /// <paramref name="residual"/> may be Null.
    /// </summary>
    /// <exception cref="NotSupportedException">The geometry is outside the algorithm's domain.</exception>
    public abstract void Run(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y);
}

namespace Graft.Kernels;

/// <summary>
/// How the gradient of an activation behind a batch normalisation comes through it: dv = dy act'(v). The side of act's corners that v lies on is told by the
/// output y, or, where that was not kept, by v = (x - mean) rstd scale + shift, which is computed from x again to the same bits.
/// </summary>
/// <param name="Scale">Gamma [C]; read where <paramref name="Y"/> is Null.</param>
/// <param name="Shift">Beta [C]; read where <paramref name="Y"/> is Null.</param>
/// <param name="Y">The output [Rows,C]; Null where there is no residual and v can be had from x.</param>
/// <param name="Passed">Where <see cref="BatchNormKernels{T}.BackwardSums"/> writes dv [Rows,C], which is the residual's gradient too; Null where nobody needs it. It may be dy.</param>
/// <typeparam name="T">How the output lies in memory.</typeparam>
public readonly record struct BatchNormGate<T>(DevicePtr<float> Scale, DevicePtr<float> Shift, DevicePtr<T> Y, DevicePtr<T> Passed)
    where T : unmanaged;

namespace Graft.Kernels;

/// <summary>Sizes and constants of a batch normalisation: x, y [Rows,C]; all else [C].</summary>
/// <param name="Rows">The product of all axes of x but the last.</param>
/// <param name="C">Channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">Share of the old moving statistics that is kept in a training step (Keras's meaning).</param>
/// <param name="Training">True: statistics of the batch, moving statistics follow. False: moving statistics.</param>
/// <param name="Unbiased">True: the moving variance follows the batch's unbiased variance, as in PyTorch; the output does not.</param>
/// <param name="Activation">Applied to what is stored; backward, the gradient comes through it first.</param>
public readonly record struct BatchNormGeometry(
    long Rows, int C, float Epsilon, float Momentum, bool Training, bool Unbiased = false, FusedActivation Activation = FusedActivation.None)
{
    /// <summary>What turns the batch's variance into that which the moving one follows: Rows / (Rows - 1), or 1.</summary>
    public double MovingFactor => Unbiased && Rows > 1 ? Rows / (Rows - 1.0) : 1;

    /// <summary>Multiplications and additions of one forward run.</summary>
    public long Flops => (Training ? 7L : 2L) * Rows * C;
}

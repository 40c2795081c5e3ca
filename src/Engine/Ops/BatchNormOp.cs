using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Batch normalisation: x [..,C], gamma, beta, moving mean, moving variance [C] each, to [..,C]; one mean and variance a channel,
/// over all other axes.
/// </summary>
/// <remarks>
/// In training the moving statistics are updated in place by forward, as Keras 3 does: moving = moving momentum + batch
/// (1 - momentum), with the biased variance unless the unbiased one is asked for. Gradients flow to x, gamma and beta in both modes.
/// </remarks>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">Share of the old moving statistics that stays: Keras's meaning, its default is 0.99.</param>
/// <param name="training">True: statistics of the batch. False: moving statistics.</param>
/// <param name="unbiased">True: the moving variance follows the unbiased variance, as PyTorch has it.</param>
public sealed class BatchNormOp(float epsilon, float momentum, bool training, bool unbiased = false) : Op
{
    /// <inheritdoc/>
    public override string Name => "BatchNorm";

    /// <summary>Added to the variance.</summary>
    public float Epsilon => epsilon;

    /// <summary>True where the statistics of the batch are used.</summary>
    public bool Training => training;

    /// <inheritdoc/>
    public override bool IsPure => !training;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index is 0 or 1;

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index < 3;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => [inputs[1], inputs[1]];

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 5, 5, "x, gamma, beta, moving mean and moving variance");
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        string[] names = ["x", "gamma", "beta", "moving mean", "moving variance"];
        for (int i = 1; i < 5; i++)
            ShapeCheck.Vector(Name, names[i], inputs[i], inputs[0][-1], inputs[0]);
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        Forward(call, call.In(3).Data, call.In(4).Data);
        if (training)
        {
            call.In(3).MarkChanged();
            call.In(4).MarkChanged();
        }
    }

    /// <inheritdoc/>
    public override void Recompute(OpCall call)
    {
        if (!training)
        {
            Forward(call);
            return;
        }
        // The moving statistics have moved already; in training the output does not depend on them.
        DevicePtr<float> mean = call.Temporary(call.In(3).Count), variance = call.Temporary(call.In(4).Count);
        call.Kernels.Memory.Fill(mean, call.In(3).Count, 0);
        call.Kernels.Memory.Fill(variance, call.In(4).Count, 0);
        Forward(call, mean, variance);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        BatchNormGeometry g = Geometry(call);
        // The sums that the input's gradient reads are those of gamma and beta: a first contribution is written to its place.
        (DevicePtr<float> Gradient, float Beta) gamma = call.Needs(1) ? call.GradIn(1) : (default, 0), shift = call.Needs(2) ? call.GradIn(2) : (default, 0);
        DevicePtr<float> dscale = default, dshift = default;
        if (training || call.Needs(1) || call.Needs(2))
        {
            dscale = call.Needs(1) && gamma.Beta == 0 ? gamma.Gradient : call.Temporary(g.C);
            dshift = call.Needs(2) && shift.Beta == 0 ? shift.Gradient : call.Temporary(g.C);
            call.Kernels.BatchNorm.BackwardSums(g, call.In(0).Data, call.GradOut, call.Saved(0), call.Saved(1), dscale, dshift);
        }
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradInPlace(0);
            call.Kernels.BatchNorm.BackwardInput(
                g, call.In(0).Data, call.GradOut, call.In(1).Data, call.Saved(0), call.Saved(1), dscale, dshift, dx, beta);
        }
        if (gamma.Beta != 0)
            call.Kernels.Memory.Accumulate(dscale, gamma.Gradient, g.C, gamma.Beta);
        if (shift.Beta != 0)
            call.Kernels.Memory.Accumulate(dshift, shift.Gradient, g.C, shift.Beta);
    }

    private void Forward(OpCall call, DevicePtr<float> movingMean, DevicePtr<float> movingVariance) => call.Kernels.BatchNorm.Forward(
        Geometry(call), call.In(0).Data, call.In(1).Data, call.In(2).Data, movingMean, movingVariance, call.Output.Data, call.Saved(0), call.Saved(1));

    private BatchNormGeometry Geometry(OpCall call)
    {
        Shape x = call.In(0).Shape;
        return new(ShapeCheck.Rows(x), x[-1], epsilon, momentum, training, unbiased);
    }
}

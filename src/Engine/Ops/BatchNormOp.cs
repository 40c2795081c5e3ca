using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Batch normalisation: x [..,C], gamma, beta, moving mean, moving variance [C] each, to [..,C]; one mean and variance a channel,
/// over all other axes. With an activation, a residual [..,C] may come as sixth input: y = act(norm(x) + residual), in one pass over memory.
/// </summary>
/// <remarks>
/// The numbers are those of separate ops. Between normalisation and activation nothing is stored, so backward tells the side of the activation's corner by y, or,
/// where it reads x anyway and no residual was added, by the normalised x computed once more.
/// In training the moving statistics are updated in place by forward, as Keras 3 does: moving = moving momentum + batch
/// (1 - momentum), with the biased variance unless the unbiased one is asked for. Gradients flow to x, gamma and beta in both modes.
/// </remarks>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">Share of the old moving statistics that stays: Keras's meaning, its default is 0.99.</param>
/// <param name="training">True: statistics of the batch. False: moving statistics.</param>
/// <param name="unbiased">True: the moving variance follows the unbiased variance, as PyTorch has it.</param>
/// <param name="activation">What is applied behind it.</param>
public sealed class BatchNormOp(float epsilon, float momentum, bool training, bool unbiased = false, FusedActivation activation = FusedActivation.None) : Op
{
    private const int Residual = 5; // its place among the inputs

    /// <inheritdoc/>
    public override string Name => activation == FusedActivation.None ? "BatchNorm" : $"BatchNorm{activation}";

    /// <summary>Added to the variance.</summary>
    public float Epsilon => epsilon;

    /// <summary>What is applied behind the normalisation.</summary>
    public FusedActivation Activation => activation;

    /// <inheritdoc/>
    public override bool IsPure => !training;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index is 0 or 1 || (index == 2 && activation != FusedActivation.None);

    /// <inheritdoc/>
    public override bool KeepsInput(int index, OpCall call) => KeepsInput(index) && (index != 0 || MakesSums(call));

    /// <inheritdoc/>
    public override bool KeepsOutputOf(OpCall call) => activation != FusedActivation.None && (HasResidual(call) || !MakesSums(call));

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index is < 3 or Residual;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => [inputs[1], inputs[1]];

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        int most = activation == FusedActivation.None ? Residual : Residual + 1;
        ShapeCheck.Count(Name, inputs, Residual, most, most == Residual ? "x, gamma, beta, moving mean and moving variance" : "x, gamma, beta, moving mean, moving variance and a residual");
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        string[] names = ["x", "gamma", "beta", "moving mean", "moving variance"];
        for (int i = 1; i < 5; i++)
            ShapeCheck.Vector(Name, names[i], inputs[i], inputs[0][-1], inputs[0]);
        if (inputs.Length > Residual && !inputs[Residual].Equals(inputs[0]))
            throw new ShapeException($"{Name}: residual {inputs[Residual]} is added to the normalised {inputs[0]} and must have that shape.");
        if (training && ShapeCheck.Rows(inputs[0]) == 0)
            throw new ShapeException($"{Name}: input {inputs[0]} holds no sample, of which there is no mean: it would make moving statistics no number. Leave empty batches out of training.");
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

    internal override bool ReadsNarrow(int index) => index is 0 or Residual;

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.BatchNorm, call.Kernels.Narrow.Unary, call.Kernels.Narrow.Accumulate);
        else
            Backward(call, call.Kernels.BatchNorm, call.Kernels.Unary, call.Kernels.Memory.Accumulate);
    }

    private void Backward<T>(OpCall call, BatchNormKernels<T> kernels, UnaryKernels<T> activations, Adding<T> add)
        where T : unmanaged
    {
        BatchNormGeometry g = Geometry(call);
        bool sums = MakesSums(call), hasResidual = HasResidual(call);
        DevicePtr<T> x = sums ? call.In(0).As<T>() : default, y = KeepsOutputOf(call) ? call.Output.As<T>() : default, dy = call.GradOutAs<T>();
        // What comes through the activation is the residual's gradient: it is written once, and read from there on.
        (DevicePtr<T> Gradient, float Beta) residual = hasResidual && call.Needs(Residual) ? call.GradInPlace<T>(Residual) : default;
        DevicePtr<T> passed = hasResidual ? Place(call, residual, call.Output.Count) : default;
        // The sums that the input's gradient reads are those of gamma and beta.
        (DevicePtr<float> Gradient, float Beta) gamma = call.Needs(1) ? call.GradIn(1) : default, shift = call.Needs(2) ? call.GradIn(2) : default;
        DevicePtr<float> dscale = sums ? Place(call, gamma, g.C) : default, dshift = sums ? Place(call, shift, g.C) : default;

        var gate = new BatchNormGate<T>(call.In(1).Data, call.In(2).Data, y, passed);
        if (sums)
            kernels.BackwardSums(g, x, dy, call.Saved(0), call.Saved(1), dscale, dshift, gate);
        else if (hasResidual)
            activations.BackwardInput(activation.Over(call.Output.Count), default, y, dy, passed, 0);
        if (hasResidual)
        {
            AddTo(add, residual, passed, call.Output.Count);
            (g, dy) = (g with { Activation = FusedActivation.None }, passed); // it is through
        }
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradInPlace<T>(0);
            kernels.BackwardInput(g, x, dy, call.In(1).Data, call.Saved(0), call.Saved(1), dscale, dshift, dx, beta, gate);
        }
        AddTo(call.Kernels.Memory.Accumulate, gamma, dscale, g.C);
        AddTo(call.Kernels.Memory.Accumulate, shift, dshift, g.C);
    }

    /// <summary>destination = beta destination + source.</summary>
    private delegate void Adding<T>(DevicePtr<T> source, DevicePtr<T> destination, long count, float beta)
        where T : unmanaged;

    // A first contribution is written to its place; where there is one already, or nobody wants it, it is made apart.
    private static DevicePtr<T> Place<T>(OpCall call, (DevicePtr<T> Gradient, float Beta) wanted, long count)
        where T : unmanaged => !wanted.Gradient.IsNull && wanted.Beta == 0 ? wanted.Gradient : call.Temporary<T>(count);

    private static void AddTo<T>(Adding<T> add, (DevicePtr<T> Gradient, float Beta) there, DevicePtr<T> more, long count)
        where T : unmanaged
    {
        if (there.Beta != 0)
            add(more, there.Gradient, count, there.Beta);
    }

    private static bool HasResidual(OpCall call) => call.InputCount > Residual;

    // By moving statistics, and with gamma and beta frozen, dx is dy times a factor.
    private bool MakesSums(OpCall call) => training || call.Needs(1) || call.Needs(2);

    private void Forward(OpCall call, DevicePtr<float> movingMean, DevicePtr<float> movingVariance)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.BatchNorm, movingMean, movingVariance);
        else
            Forward(call, call.Kernels.BatchNorm, movingMean, movingVariance);
    }

    private void Forward<T>(OpCall call, BatchNormKernels<T> kernels, DevicePtr<float> movingMean, DevicePtr<float> movingVariance)
        where T : unmanaged => kernels.Forward(
        Geometry(call), call.In(0).As<T>(), call.In(1).Data, call.In(2).Data, movingMean, movingVariance, call.Output.As<T>(), call.Saved(0), call.Saved(1), call.InOrNull<T>(Residual));

    private BatchNormGeometry Geometry(OpCall call)
    {
        Shape x = call.In(0).Shape;
        return new(ShapeCheck.Rows(x), x[-1], epsilon, momentum, training, unbiased, activation);
    }
}

using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Dropout for training: random zeros, the rest divided by 1 - rate. Source: <see cref="DropoutKernels"/>.</summary>
/// <remarks>It always drops: in inference the layer leaves the op out. Keeps nothing for backward.</remarks>
public sealed class DropoutOp : Op
{
    private readonly float _rate;
    private readonly ulong _seed;

    /// <summary>Makes the op.</summary>
    /// <param name="rate">Share that becomes 0: from 0 to below 1.</param>
    /// <param name="seed">Key of the random stream: the same seed gives the same mask on every device.</param>
    /// <exception cref="GraftException">The rate is outside its range.</exception>
    public DropoutOp(float rate, ulong seed)
    {
        if (!(rate >= 0 && rate < 1))
            throw new GraftException($"Dropout: the rate is {rate}; it takes 0 or more and less than 1.");
        (_rate, _seed) = (rate, seed);
    }

    /// <inheritdoc/>
    public override bool IsPure => false;

    /// <inheritdoc/>
    public override string Name => "Dropout";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.Dropout);
        else
            Forward(call, call.Kernels.Dropout);
    }

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Dropout);
        else
            Backward(call, call.Kernels.Dropout);
    }

    private void Forward<T>(OpCall call, DropoutKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.Output.As<T>());

    private void Backward<T>(OpCall call, DropoutKernels<T> kernels)
        where T : unmanaged
    {
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call), call.GradOutAs<T>(), dx, beta);
    }

    private DropoutGeometry Geometry(OpCall call) => new(call.Output.Count, _rate, _seed);
}

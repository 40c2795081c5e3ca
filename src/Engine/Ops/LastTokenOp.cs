using Graft.Kernels;

namespace Graft.Ops;

/// <summary>The row of the last token that is no padding: x [N,T,C], ids [N,T] to [N,C]. Source: <see cref="LastTokenKernels"/>.</summary>
/// <param name="padding">The id that fills sequences; null where nothing does, and the last row is taken.</param>
public sealed class LastTokenOp(int? padding) : Op
{
    /// <inheritdoc/>
    public override string Name => "LastToken";

    /// <summary>The id that fills sequences; null where nothing does.</summary>
    public int? Padding => padding;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index == 1;

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index == 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "x and ids");
        ShapeCheck.Rank(Name, "x", inputs[0], 3, "[N,T,C]");
        return inputs[1].Equals(new Shape(inputs[0][0], inputs[0][1])) && inputs[0][1] > 0 ? new Shape(inputs[0][0], inputs[0][2])
            : throw new ShapeException($"{Name}: x {inputs[0]} has {inputs[0][0]} sequences of {inputs[0][1]} tokens, ids are {inputs[1]}; they must be [N,T] of x, with one token or more.");
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.LastToken);
        else
            Forward(call, call.Kernels.LastToken);
    }

    internal override bool ReadsNarrow(int index) => index == 0;

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.LastToken);
        else
            Backward(call, call.Kernels.LastToken);
    }

    private void Forward<T>(OpCall call, LastTokenKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), Ids(call), call.In(0).As<T>(), call.Output.As<T>());

    private void Backward<T>(OpCall call, LastTokenKernels<T> kernels)
        where T : unmanaged
    {
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call), Ids(call), call.GradOutAs<T>(), dx, beta);
    }

    private LastTokenGeometry Geometry(OpCall call)
    {
        Shape x = call.In(0).Shape;
        return LastTokenGeometry.Of(x[0], x[1], x[2], padding, call.In(1).Type == DType.Float32);
    }

    /// <summary>Ids as the four bytes that they are.</summary>
    private static DevicePtr<int> Ids(OpCall call) => call.In(1).Type == DType.Float32 ? new DevicePtr<int>(call.In(1).Data.Address) : call.In(1).IntData;
}

namespace Graft.Ops;

/// <summary>
/// The same numbers in another type: float32 rounded to 16 bits, or 16 bits as float32. A tape in mixed precision puts it before ops that read numbers in the other type; backward converts the
/// gradient.
/// </summary>
/// <param name="type">The type of the result.</param>
internal sealed class ConvertOp(DType type) : Op
{
    /// <inheritdoc/>
    public override string Name => type.IsNarrow() ? "Round" : "Widen";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (type.IsNarrow())
            call.Kernels.Narrow.Round(call.In(0).Data, call.Output.NarrowData, call.Output.Count);
        else
            call.Kernels.Narrow.Widen(call.In(0).NarrowData, call.Output.Data, call.Output.Count);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (type.IsNarrow())
        {
            var (dx, beta) = call.GradIn<float>(0);
            call.Kernels.Narrow.Widen(call.GradOutAs<ushort>(), dx, call.Output.Count, beta);
        }
        else
        {
            var (dx, beta) = call.GradIn<ushort>(0);
            call.Kernels.Narrow.Round(call.GradOutAs<float>(), dx, call.Output.Count, beta);
        }
    }
}

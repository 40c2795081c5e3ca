namespace Graft.Ops;

/// <summary>The same numbers under another shape.</summary>
/// <param name="shape">The new shape; one extent may be -1 and is worked out. Extent 0 keeps the input's extent there.</param>
public sealed class ReshapeOp(params int[] shape) : Op
{
    /// <inheritdoc/>
    public override string Name => "Reshape";

    /// <inheritdoc/>
    public override bool IsView => true;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => inputs[0].Rank > 0 && InferShape(inputs) is { Rank: > 0 } y && y[0] == inputs[0][0];

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        int[] dims = (int[])shape.Clone();
        long known = 1;
        int free = -1;
        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 0)
                dims[i] = inputs[0][i];
            if (dims[i] == -1)
                free = free < 0 ? i : throw new ShapeException($"Reshape: [{string.Join(',', shape)}] has more than one -1.");
            else
                known *= dims[i];
        }
        if (free >= 0 && known > 0)
            dims[free] = (int)(inputs[0].Count / known);
        if (Array.Exists(dims, d => d < 0) || new Shape(dims).Count != inputs[0].Count)
            throw new ShapeException($"Reshape: {inputs[0]} with {inputs[0].Count} elements does not fill [{string.Join(',', shape)}].");
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.TryPassGradient(0))
            return; // the same numbers under another shape, as forward
        if (call.IsNarrow)
        {
            var (narrow, betaOfNarrow) = call.GradIn<ushort>(0);
            call.Kernels.Narrow.Accumulate(call.GradOutAs<ushort>(), narrow, call.Output.Count, betaOfNarrow);
            return;
        }
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Memory.Accumulate(call.GradOut, dx, call.Output.Count, beta);
    }
}

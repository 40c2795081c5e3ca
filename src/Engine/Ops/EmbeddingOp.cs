using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Rows of a table by number: ids [..] (int32), table [V,C] to [..,C].</summary>
public sealed class EmbeddingOp : Op
{
    /// <inheritdoc/>
    public override string Name => "Embedding";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index == 0;

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index == 1;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "ids and table");
        ShapeCheck.Rank(Name, "table", inputs[1], 2, "[vocabulary,features]");
        return new Shape([.. inputs[0].Dims, inputs[1][1]]);
    }

    /// <inheritdoc/>
    /// <exception cref="GraftException">An id is negative or not below the table's number of rows.</exception>
    public override void Forward(OpCall call)
    {
        EmbeddingGeometry g = Geometry(call);
        int invalid = call.Kernels.Embedding.FirstInvalid(g, call.In(0).IntData);
        if (invalid >= 0)
            throw Invalid(call, invalid);
        call.Kernels.Embedding.Forward(g, call.In(0).IntData, call.In(1).Data, call.Output.Data);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dtable, beta) = call.GradIn(1);
        call.Kernels.Embedding.BackwardTable(Geometry(call), call.In(0).IntData, call.GradOut, dtable, beta);
    }

    private static GraftException Invalid(OpCall call, int position)
    {
        Span<int> id = stackalloc int[1];
        call.Kernels.Memory.Download(call.In(0).IntData.At(position), id);
        return new GraftException(
            $"Embedding: id {id[0]} at position {position} of ids {call.In(0).Shape} is not a row of table {call.In(1).Shape}; "
            + $"ids run from 0 to {call.In(1).Shape[0] - 1}. Is this the tokenizer of this model?");
    }

    private static EmbeddingGeometry Geometry(OpCall call) =>
        new(checked((int)call.In(0).Count), call.In(1).Shape[0], call.In(1).Shape[1]);
}

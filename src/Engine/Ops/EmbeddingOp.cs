using System.Globalization;
using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Rows of a table by number: ids [..], table [V,C] to [..,C]. Ids are int32, or whole numbers in float32, which holds them exactly up to 2^24.</summary>
public sealed class EmbeddingOp : Op
{
    /// <inheritdoc/>
    public override string Name => "Embedding";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => [new Shape(checked((int)inputs[0].Count))];

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
    /// <exception cref="GraftException">An id is negative or not below the table's number of rows; from a GPU it comes when numbers are next read back.</exception>
    public override void Forward(OpCall call)
    {
        EmbeddingGeometry g = Geometry(call);
        DevicePtr<int> ids = Ids(call);
        if (call.In(0).Type == DType.Float32)
            call.Kernels.Embedding.ToIds(g.Count, call.In(0).Data, ids);
        else
            call.Kernels.Memory.Copy(new DevicePtr<float>(call.In(0).IntData.Address), call.Saved(0), g.Count); // both are four bytes wide
        Tensor given = call.In(0);
        Shape shape = given.Shape, table = call.In(1).Shape;
        bool isFloat = given.Type == DType.Float32;
        call.Kernels.Embedding.Check(g, ids, new DevicePtr<int>(isFloat ? given.Data.Address : given.IntData.Address), (position, bits) => Invalid(shape, table, position, bits, isFloat));
        call.Kernels.Embedding.Forward(g, ids, call.In(1).Data, call.Output.Data);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dtable, beta) = call.GradIn(1);
        call.Kernels.Embedding.BackwardTable(Geometry(call), Ids(call), call.GradOut, dtable, beta);
    }

    /// <summary>The saved buffer as integers, which have the width of floats.</summary>
    private static DevicePtr<int> Ids(OpCall call) => new(call.Saved(0).Address);

    private static GraftException Invalid(Shape ids, Shape table, int position, int bits, bool isFloat)
    {
        string id = isFloat ? BitConverter.Int32BitsToSingle(bits).ToString(CultureInfo.InvariantCulture) : bits.ToString(CultureInfo.InvariantCulture);
        return new GraftException($"Embedding: id {id} at position {position} of ids {ids} is not a row of table {table}; ids run from 0 to {table[0] - 1}. Is this the tokenizer of this model?");
    }

    private static EmbeddingGeometry Geometry(OpCall call) =>
        new(checked((int)call.In(0).Count), call.In(1).Shape[0], call.In(1).Shape[1]);
}

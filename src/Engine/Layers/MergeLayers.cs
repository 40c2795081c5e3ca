using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the elementwise joins share: two or more inputs become one, under broadcasting of the axes behind the batch axis.</summary>
/// <remarks>Shapes are compared from the last axis on: extents are equal, or one of them is 1 and repeated, as Keras joins [H,W,C] and [1,1,C].</remarks>
public abstract class MergeLayer : Layer
{
    private readonly BinaryOp _op;

    private protected MergeLayer(BinaryFormula formula) => _op = new BinaryOp(formula);

    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape joined = inputs[0];
        for (int i = 1; i < inputs.Length; i++)
            joined = _op.InferShape([joined, inputs[i]]);
        return joined;
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        int rank = 0;
        foreach (Tensor input in inputs)
            rank = Math.Max(rank, input.Shape.Rank);
        Tensor joined = tape.Run(_op, Aligned(tape, inputs[0], rank), Aligned(tape, inputs[1], rank));
        for (int i = 2; i < inputs.Length; i++)
            joined = Then(tape, joined, _op, Aligned(tape, inputs[i], rank));
        return joined;
    }

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs) =>
        [new MaskedTensor(Forward(tape, MaskedTensor.Values(inputs)), StepMask.Any(tape, inputs))];

    // [N,C] beside [N,H,W,C] is [N,1,1,C]: the batch axis stays in front.
    private static Tensor Aligned(Tape tape, Tensor x, int rank) => x.Shape.Rank == rank ? x
        : tape.Run(new ReshapeOp([x.Shape[0], .. Enumerable.Repeat(1, rank - x.Shape.Rank), .. x.Shape.Tail()]), x);
}

/// <summary>The sum of its inputs: the join of a residual branch. Matches Keras's Add.</summary>
public sealed class Add() : MergeLayer(BinaryFormula.Add);

/// <summary>The first input less the second. Matches Keras's Subtract.</summary>
public sealed class Subtract() : MergeLayer(BinaryFormula.Subtract)
{
    /// <inheritdoc/>
    public override int InputCount => 2;
}

/// <summary>The product of its inputs. Matches Keras's Multiply.</summary>
public sealed class Multiply() : MergeLayer(BinaryFormula.Multiply);

/// <summary>The largest of its inputs, element by element; equal ones share the gradient. Matches Keras's Maximum.</summary>
public sealed class Maximum() : MergeLayer(BinaryFormula.Maximum);

/// <summary>The smallest of its inputs, element by element; equal ones share the gradient. Matches Keras's Minimum.</summary>
public sealed class Minimum() : MergeLayer(BinaryFormula.Minimum);

/// <summary>The mean of its inputs. Matches Keras's Average.</summary>
public sealed class Average() : MergeLayer(BinaryFormula.Add)
{
    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        Then(tape, base.Forward(tape, inputs), new UnaryOp(UnaryFormula.Scale, 1f / inputs.Length));
}

/// <summary>The products of two inputs summed over an axis of each: a batch of matrix products. Matches Keras's Dot.</summary>
/// <remarks>a [N,..,K,..], b [N,..,K,..] to [N, the other axes of a, the other axes of b], or [N,1] where there are none.</remarks>
/// <param name="axisA">The summed axis of the first input, counted with the batch axis as 0, or from the end.</param>
/// <param name="axisB">The summed axis of the second input.</param>
public sealed class Dot(int axisA, int axisB) : Layer
{
    /// <summary>True divides both inputs by their length along the summed axis first: the result is the cosine of the angle.</summary>
    public bool Normalize { get; init; }

    /// <inheritdoc/>
    public override int InputCount => 2;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        (int a, int b) = Axes(inputs[0], inputs[1]);
        if (inputs[0][a - 1] != inputs[1][b - 1])
            throw new ShapeException($"sums over axis {a} of {inputs[0]} and axis {b} of {inputs[1]} (the batch axis is 0), which have {inputs[0][a - 1]} and {inputs[1][b - 1]} numbers; they must be equal.");
        int[] rest = [.. Rest(inputs[0], a), .. Rest(inputs[1], b)];
        return rest.Length == 0 ? new Shape(1) : new Shape(rest);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        int batch = inputs[0].Shape[0];
        Shape left = inputs[0].Shape.Tail(), right = inputs[1].Shape.Tail();
        (int a, int b) = Axes(left, right);
        Tensor rows = Rows(tape, inputs[0], a), columns = Rows(tape, inputs[1], b);
        Tensor y = Then(tape, rows, new MatMulOp(transposeB: true), columns); // [N,A,K] [N,B,K] -> [N,A,B]
        tape.Release(columns);
        return Then(tape, y, new ReshapeOp([batch, .. OutputShape([left, right])]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["axes"] = new JsonArray(axisA, axisB);
        config["normalize"] = Normalize;
    }

    internal static Layer Read(JsonNode config) => new Dot((int)config["axes"]![0]!, (int)config["axes"]![1]!) { Normalize = (bool)config["normalize"]! };

    private (int A, int B) Axes(Shape a, Shape b) => (AxisOrder.Resolve(a, [axisA])[0], AxisOrder.Resolve(b, [axisB])[0]);

    private static IEnumerable<int> Rest(Shape sample, int axis) => sample.Where((_, i) => i != axis - 1);

    // [N,..,K,..] as [N,rows,K]
    private Tensor Rows(Tape tape, Tensor x, int axis)
    {
        Shape shape = x.Shape;
        Tensor t = tape.Run(AxisOrder.Last(shape.Rank, [axis]).There, x);
        t = Then(tape, t, new ReshapeOp(shape[0], -1, shape[axis]));
        return Normalize ? UnitNormalization.Apply(tape, t, [2], UnitNormalization.KerasEpsilon) : t;
    }
}

/// <summary>Its inputs one behind the other along an axis. Matches Keras's Concatenate.</summary>
/// <param name="axis">Axis counted with the batch axis as 0, or from the end: -1 is the channels.</param>
public sealed class Concatenate(int axis = -1) : Layer
{
    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var batched = new Shape[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            batched[i] = inputs[i].Prepend(1);
        return new ConcatOp(axis).InferShape(batched).Tail();
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new ConcatOp(axis), inputs);

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        Tensor y = Forward(tape, MaskedTensor.Values(inputs));
        bool isTime = axis is 1 || axis + y.Shape.Rank == 1;
        return [new MaskedTensor(y, isTime ? StepMask.InTime(tape, inputs) : StepMask.Any(tape, inputs))];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["axis"] = axis;

    internal static Layer Read(JsonNode config) => new Concatenate((int)config["axis"]!);
}

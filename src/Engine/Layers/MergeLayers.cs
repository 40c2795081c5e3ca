using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the elementwise joins share: two or more inputs of one shape become one.</summary>
public abstract class MergeLayer : Layer
{
    private readonly BinaryFormula _formula;

    private protected MergeLayer(BinaryFormula formula) => _formula = formula;

    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        foreach (Shape s in inputs)
        {
            if (!s.Equals(inputs[0]))
                throw new ShapeException($"{ClassName} joins inputs of one shape, not {inputs[0]} and {s}.");
        }
        return inputs[0];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor sum = tape.Run(new BinaryOp(_formula), inputs[0], inputs[1]);
        for (int i = 2; i < inputs.Length; i++)
        {
            Tensor next = tape.Run(new BinaryOp(_formula), sum, inputs[i]);
            tape.Release(sum);
            sum = next;
        }
        return sum;
    }

    internal override void WriteConfig(JsonObject config)
    {
    }
}

/// <summary>The sum of its inputs: the join of a residual branch. Matches Keras's Add.</summary>
public sealed class Add() : MergeLayer(BinaryFormula.Add);

/// <summary>The product of its inputs. Matches Keras's Multiply.</summary>
public sealed class Multiply() : MergeLayer(BinaryFormula.Multiply);

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

    internal override void WriteConfig(JsonObject config) => config["axis"] = axis;

    internal static Layer Read(JsonNode config) => new Concatenate((int)config["axis"]!);
}

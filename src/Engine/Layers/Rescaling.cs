using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>scale · x + offset, with one number each or one for each channel. Matches Keras's Rescaling.</summary>
/// <remarks>x, y [N,..,C].</remarks>
/// <param name="scale">One factor, or C.</param>
/// <param name="offset">One summand, or C.</param>
public sealed class Rescaling(IReadOnlyList<float> scale, IReadOnlyList<float> offset) : Layer
{
    /// <summary>One factor and one summand for all numbers.</summary>
    public Rescaling(float scale, float offset = 0)
        : this([scale], [offset])
    {
    }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        int most = Math.Max(scale.Count, offset.Count);
        return most == 1 || (inputs[0].Rank > 0 && Fits(scale, inputs[0][-1]) && Fits(offset, inputs[0][-1])) ? inputs[0]
            : throw new ShapeException($"has {scale.Count} factors and {offset.Count} summands, which are neither one nor one for each channel of {inputs[0]}.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (scale.Count == 1 && offset.Count == 1)
            return tape.Run(new UnaryOp(UnaryFormula.Scale, scale[0], offset[0]), inputs[0]);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Multiply), inputs[0], Vector(tape, scale));
        return Then(tape, y, new BinaryOp(BinaryFormula.Add), Vector(tape, offset));
    }

    private static bool Fits(IReadOnlyList<float> numbers, int channels) => numbers.Count == 1 || numbers.Count == channels;

    private static Tensor Vector(Tape tape, IReadOnlyList<float> numbers) => tape.Constant(new Shape(numbers.Count), [.. numbers]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["scale"] = new JsonArray([.. scale.Select(v => (JsonNode)v)]);
        config["offset"] = new JsonArray([.. offset.Select(v => (JsonNode)v)]);
    }

    internal static Layer Read(JsonNode config) => new Rescaling([.. config["scale"]!.AsArray().Select(v => (float)v!)], [.. config["offset"]!.AsArray().Select(v => (float)v!)]);
}

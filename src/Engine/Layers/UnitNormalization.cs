using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Divides by the length along axes: y = x / sqrt(max(sum x², epsilon²)). Matches Keras's UnitNormalization (epsilon 1e-12).</summary>
/// <remarks>x, y [N,..].</remarks>
/// <param name="axes">Axes whose squares are summed, counted with the batch axis as 0, or from the end; none is the last.</param>
public sealed class UnitNormalization(params int[] axes) : Layer
{
    /// <summary>The smallest length that Keras's Dot divides by.</summary>
    internal const float KerasEpsilon = 1e-7f;

    private const float Epsilon = 1e-12f;
    private readonly int[] _axes = axes.Length == 0 ? [-1] : axes;

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        AxisOrder.Resolve(inputs[0], _axes);
        return inputs[0];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]);
        return Apply(tape, x, AxisOrder.Resolve(inputs[0].Shape.Tail(), _axes), Epsilon);
    }

    /// <summary>The same for an intermediate of a layer, which is given back.</summary>
    internal static Tensor Apply(Tape tape, Tensor own, int[] axes, float epsilon)
    {
        Tensor t = tape.Run(new UnaryOp(UnaryFormula.Square), own);
        t = Then(tape, t, new ReduceOp(ReduceFormula.Sum, axes, keepDims: true));
        t = Then(tape, t, new UnaryOp(UnaryFormula.Clip, epsilon * epsilon, float.PositiveInfinity));
        t = Then(tape, t, new UnaryOp(UnaryFormula.Rsqrt));
        Tensor y = Then(tape, own, new BinaryOp(BinaryFormula.Multiply), t);
        tape.Release(t);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["axis"] = new JsonArray([.. _axes.Select(a => (JsonNode)a)]);

    internal static Layer Read(JsonNode config) => new UnitNormalization([.. config["axis"]!.AsArray().Select(a => (int)a!)]);
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the layers share that lengthen or cut sequences [T,C].</summary>
public abstract class SequenceLayer : Layer
{
    private protected static Shape Sequence(Shape sample, int length) => sample.Rank == 2 ? new Shape(length, sample[1])
        : throw new ShapeException($"takes sequences [T,C], not {sample}; sequences are [N,T,C].");

    private protected static Tensor AsImage(Tape tape, Tensor x, Op op)
    {
        Tensor y = Then(tape, tape.Run(ImageView.OfSequence(x.Shape), x), op);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }
}

/// <summary>Zeros before and behind a sequence. Matches Keras's ZeroPadding1D.</summary>
/// <param name="before">Positions to add before it.</param>
/// <param name="after">Positions to add behind it.</param>
public sealed class ZeroPadding1D(int before = 1, int after = 1) : SequenceLayer
{
    /// <summary>Positions added before and behind.</summary>
    public (int Before, int After) Border { get; } = (before, after);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Math.Min(Border.Before, Border.After) >= 0 ? Sequence(inputs[0], inputs[0][0] + Border.Before + Border.After)
        : throw new ShapeException($"cannot add {Border} positions to {inputs[0]}: neither is negative; to cut, use Cropping1D.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => AsImage(tape, inputs[0], new Pad2DOp(new Padding2D(0, 0, Border.Before, Border.After)));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = new JsonArray(Border.Before, Border.After);

    internal static Layer Read(JsonNode config) => new ZeroPadding1D((int)config["border"]![0]!, (int)config["border"]![1]!);
}

/// <summary>Cuts positions off both ends of a sequence. Matches Keras's Cropping1D.</summary>
/// <param name="before">Positions to cut off the beginning.</param>
/// <param name="after">Positions to cut off the end.</param>
public sealed class Cropping1D(int before = 1, int after = 1) : SequenceLayer
{
    /// <summary>Positions cut off the beginning and the end.</summary>
    public (int Before, int After) Border { get; } = (before, after);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Rank != 2 || (Math.Min(Border.Before, Border.After) >= 0 && Border.Before + Border.After < inputs[0][0]) ? Sequence(inputs[0], inputs[0][0] - Border.Before - Border.After)
            : throw new ShapeException($"cannot cut {Border} off {inputs[0]}: at least one position must stay, and nothing negative is cut.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        tape.Run(new SliceOp(1, Border.Before, inputs[0].Shape[1] - Border.Before - Border.After), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = new JsonArray(Border.Before, Border.After);

    internal static Layer Read(JsonNode config) => new Cropping1D((int)config["border"]![0]!, (int)config["border"]![1]!);
}

/// <summary>Each position of a sequence several times. Matches Keras's UpSampling1D.</summary>
/// <param name="factor">Output positions for each of the input.</param>
public sealed class UpSampling1D(int factor = 2) : SequenceLayer
{
    /// <summary>Output positions for each of the input.</summary>
    public int Factor { get; } = factor;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Factor >= 1 ? Sequence(inputs[0], inputs[0][0] * Factor)
        : throw new ShapeException($"the factor {Factor} is not 1 or more; to make {inputs[0]} shorter, use pooling.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => AsImage(tape, inputs[0], new Upsample2DOp(UpsampleKind.Nearest, 1, Factor));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["factor"] = Factor;

    internal static Layer Read(JsonNode config) => new UpSampling1D((int)config["factor"]!);
}

/// <summary>A vector as a sequence in which every position is that vector: [N,C] to [N,T,C]. Matches Keras's RepeatVector.</summary>
/// <param name="count">T.</param>
public sealed class RepeatVector(int count) : SequenceLayer
{
    /// <summary>Positions of the sequence.</summary>
    public int Count { get; } = count;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 1 && Count >= 1 ? new Shape(Count, inputs[0][0])
        : throw new ShapeException($"repeats vectors [C] once or more, not {inputs[0]} {Count} times; flatten or pool before it.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor one = tape.Run(new ReshapeOp(inputs[0].Shape[0], 1, inputs[0].Shape[1]), inputs[0]);
        Tensor y = AsImage(tape, one, new Upsample2DOp(UpsampleKind.Nearest, 1, Count));
        tape.Release(one);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["count"] = Count;

    internal static Layer Read(JsonNode config) => new RepeatVector((int)config["count"]!);
}

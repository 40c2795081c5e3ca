using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the layers share that change images' values at random in training, each image by itself, and leave them alone in inference.</summary>
/// <remarks>x, y [N,H,W,C]; the results are cut to <see cref="ValueRange"/>.</remarks>
public abstract class RandomPixels : Layer
{
    private protected RandomPixels((float From, float To) factor) => Factor = factor;

    /// <summary>Least and largest factor.</summary>
    public (float From, float To) Factor { get; }

    /// <summary>Least and largest value of a pixel.</summary>
    public (float From, float To) ValueRange { get; init; } = (0, 255);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3 ? inputs[0] : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Training
        ? Then(tape, Change(tape, inputs[0]), new UnaryOp(UnaryFormula.Clip, ValueRange.From, ValueRange.To))
        : tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]); // a view: each node owns its result

    private protected abstract Tensor Change(Tape tape, Tensor x);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["factor"] = new JsonArray(Factor.From, Factor.To);
        config["value_range"] = new JsonArray(ValueRange.From, ValueRange.To);
    }

    private protected static (float From, float To) Pair(JsonNode json) => ((float)json[0]!, (float)json[1]!);
}

/// <summary>Moves each channel of an image away from its mean or towards it: (x - mean) · f + mean, one f an image. Matches Keras's RandomContrast.</summary>
/// <param name="factor">f lies between 1 - From and 1 + To.</param>
public sealed class RandomContrast((float From, float To) factor) : RandomPixels(factor)
{
    private protected override Tensor Change(Tape tape, Tensor x)
    {
        Tensor mean = tape.Run(new ReduceOp(ReduceFormula.Mean, [1, 2], keepDims: true), x);
        Tensor contrast = tape.Run(RandomOp.UniformPerSample(1 - Factor.From, 1 + Factor.To, NextSeed(tape)), x);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Subtract), x, mean);
        y = Then(tape, y, new BinaryOp(BinaryFormula.Multiply), contrast);
        y = Then(tape, y, new BinaryOp(BinaryFormula.Add), mean);
        tape.Release(mean);
        tape.Release(contrast);
        return y;
    }

    internal static Layer Read(JsonNode config) => new RandomContrast(Pair(config["factor"]!)) { ValueRange = Pair(config["value_range"]!) };
}

/// <summary>Adds one number to an image: a random share of the range of values. Matches Keras's RandomBrightness.</summary>
/// <param name="factor">Least and largest share, -1 to 1.</param>
public sealed class RandomBrightness((float From, float To) factor) : RandomPixels(factor)
{
    private protected override Tensor Change(Tape tape, Tensor x)
    {
        float range = ValueRange.To - ValueRange.From;
        Tensor delta = tape.Run(RandomOp.UniformPerSample(Factor.From * range, Factor.To * range, NextSeed(tape)), x);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Add), x, delta);
        tape.Release(delta);
        return y;
    }

    internal static Layer Read(JsonNode config) => new RandomBrightness(Pair(config["factor"]!)) { ValueRange = Pair(config["value_range"]!) };
}

/// <summary>
/// In training, a window of the images at a random place, the same for the batch; in inference, and where the images are not larger than it, the largest
/// window of its proportions in the middle, resized. Matches Keras's RandomCrop.
/// </summary>
/// <remarks>x [N,H,W,C], y [N,height,width,C].</remarks>
/// <param name="height">Rows of the window.</param>
/// <param name="width">Columns of the window.</param>
public sealed class RandomCrop(int height, int width) : Layer
{
    /// <summary>Rows and columns of the window.</summary>
    public (int Height, int Width) Size { get; } = (height, width);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3 && Math.Min(Size.Height, Size.Width) >= 1
        ? new Shape(Size.Height, Size.Width, inputs[0][2])
        : throw new ShapeException($"cuts 1x1 or more out of images [H,W,C]; here {Size.Height}x{Size.Width} of {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape;
        if (!tape.Training || x[1] <= Size.Height || x[2] <= Size.Width)
            return Resizing.Resize(tape, Resizing.Crop(tape, tape.Run(new ReshapeOp([.. x]), inputs[0]), Size), ResizeInterpolation.Bilinear, Size);
        var (a, b, _, _) = Philox.Block(NextSeed(tape), 0);
        float top = (int)(Philox.Unit(a) * (x[1] - Size.Height + 1)), left = (int)(Philox.Unit(b) * (x[2] - Size.Width + 1));
        float[] map = [1, 0, left, 0, 1, top];
        return tape.Run(new Warp2DOp(Size.Height, Size.Width, [.. Enumerable.Repeat(map, x[0]).SelectMany(m => m)], blends: false, WarpFill.Constant, 0), inputs[0]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["size"] = new JsonArray(Size.Height, Size.Width);

    internal static Layer Read(JsonNode config) => new RandomCrop((int)config["size"]![0]!, (int)config["size"]![1]!);
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>
/// What the layers share that move images at random in training, each image by itself, and leave them alone in inference. The draws depend on the tape's
/// seed and the layer's name, not on Keras's generator.
/// </summary>
/// <remarks>x, y [N,H,W,C].</remarks>
public abstract class RandomTransform : Layer
{
    /// <summary>What lies beyond the border.</summary>
    public WarpFill FillMode { get; init; }

    /// <summary>The number for <see cref="WarpFill.Constant"/>.</summary>
    public float FillValue { get; init; }

    /// <summary>Bilinear or nearest.</summary>
    public ResizeInterpolation Interpolation { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (Interpolation is not (ResizeInterpolation.Bilinear or ResizeInterpolation.Nearest))
            throw new ShapeException($"interpolates Bilinear or Nearest, not {Interpolation}.");
        return inputs[0].Rank == 3 ? inputs[0] : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape;
        if (!tape.Training)
            return tape.Run(new ReshapeOp([.. x]), inputs[0]); // a view: each node owns its result
        ulong seed = NextSeed(tape);
        var maps = new float[6 * x[0]];
        for (int n = 0; n < x[0]; n++)
        {
            var (a, b, _, _) = Philox.Block(seed, n);
            Map(x[1], x[2], Philox.Unit(a), Philox.Unit(b)).CopyTo(maps, 6 * n);
        }
        return tape.Run(new Warp2DOp(x[1], x[2], maps, Interpolation == ResizeInterpolation.Bilinear, FillMode, FillValue), inputs[0]);
    }

    /// <summary>Where an output pixel comes from, by two numbers from 0 to below 1: see <see cref="Warp2DOp"/>.</summary>
    private protected abstract float[] Map(int height, int width, float u, float v);

    private protected static float Between((float From, float To) range, float u) => range.From + (range.To - range.From) * u;

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["fill_mode"] = FillMode.ToString();
        config["fill_value"] = FillValue;
        config["interpolation"] = Interpolation.ToString();
    }

    private protected static JsonArray Write((float From, float To) range) => new(range.From, range.To);

    private protected static (float From, float To) Range(JsonNode json) => ((float)json[0]!, (float)json[1]!);

    private protected static WarpFill Fill(JsonNode config) => Enum.Parse<WarpFill>((string)config["fill_mode"]!);

    private protected static ResizeInterpolation Kind(JsonNode config) => Enum.Parse<ResizeInterpolation>((string)config["interpolation"]!);
}

/// <summary>Mirrors images at random, each direction with probability one half. Matches Keras's RandomFlip.</summary>
/// <param name="horizontal">True exchanges left and right.</param>
/// <param name="vertical">True exchanges top and bottom.</param>
public sealed class RandomFlip(bool horizontal = true, bool vertical = true) : RandomTransform
{
    private protected override float[] Map(int height, int width, float u, float v)
    {
        (bool across, bool down) = (horizontal && u < 0.5f, vertical && v < 0.5f);
        return [across ? -1 : 1, 0, across ? width - 1 : 0, 0, down ? -1 : 1, down ? height - 1 : 0];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => (config["horizontal"], config["vertical"]) = (horizontal, vertical);

    internal static Layer Read(JsonNode config) => new RandomFlip((bool)config["horizontal"]!, (bool)config["vertical"]!);
}

/// <summary>Turns images at random about their centre. Matches Keras's RandomRotation.</summary>
/// <param name="factor">Least and largest angle as shares of a full turn, counter-clockwise: (-0.1, 0.1) is 36 degrees both ways.</param>
public sealed class RandomRotation((float From, float To) factor) : RandomTransform
{
    private protected override float[] Map(int height, int width, float u, float v)
    {
        (double sin, double cos) = Math.SinCos(2 * Math.PI * Between(factor, u));
        double x = (width - 1) / 2.0, y = (height - 1) / 2.0;
        return [(float)cos, (float)-sin, (float)(x - cos * x + sin * y), (float)sin, (float)cos, (float)(y - sin * x - cos * y)];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["factor"] = Write(factor);
    }

    internal static Layer Read(JsonNode config) => new RandomRotation(Range(config["factor"]!))
    {
        FillMode = Fill(config), FillValue = (float)config["fill_value"]!, Interpolation = Kind(config),
    };
}

/// <summary>Shifts images at random. Matches Keras's RandomTranslation.</summary>
/// <param name="height">Least and largest shift down, as shares of the height.</param>
/// <param name="width">Least and largest shift to the right, as shares of the width.</param>
public sealed class RandomTranslation((float From, float To) height, (float From, float To) width) : RandomTransform
{
    private protected override float[] Map(int rows, int columns, float u, float v) => [1, 0, -Between(width, v) * columns, 0, 1, -Between(height, u) * rows];

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["height"] = Write(height);
        config["width"] = Write(width);
    }

    internal static Layer Read(JsonNode config) => new RandomTranslation(Range(config["height"]!), Range(config["width"]!))
    {
        FillMode = Fill(config), FillValue = (float)config["fill_value"]!, Interpolation = Kind(config),
    };
}

/// <summary>Zooms images at random about their centre: negative factors enlarge. Matches Keras's RandomZoom.</summary>
/// <param name="height">Least and largest factor; 0.2 shows 1.2 times the height.</param>
/// <param name="width">The same for the width; null keeps the proportions.</param>
public sealed class RandomZoom((float From, float To) height, (float From, float To)? width = null) : RandomTransform
{
    private protected override float[] Map(int rows, int columns, float u, float v)
    {
        float down = 1 + Between(height, u), across = width is { } range ? 1 + Between(range, v) : down;
        return [across, 0, (columns - 1) / 2f * (1 - across), 0, down, (rows - 1) / 2f * (1 - down)];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["height"] = Write(height);
        config["width"] = width is { } range ? Write(range) : null;
    }

    internal static Layer Read(JsonNode config) => new RandomZoom(Range(config["height"]!), config["width"] is { } width ? Range(width) : null)
    {
        FillMode = Fill(config), FillValue = (float)config["fill_value"]!, Interpolation = Kind(config),
    };
}

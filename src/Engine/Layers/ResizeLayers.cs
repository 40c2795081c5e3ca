using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Larger images: each row and column becomes several, repeated or (bilinear) blended between pixel centres.</summary>
/// <remarks>x [N,H,W,C], y [N,H·factorH,W·factorW,C]. Matches Keras's UpSampling2D.</remarks>
/// <param name="factorH">Output rows for each input row.</param>
/// <param name="factorW">Output columns for each input column.</param>
public sealed class UpSampling2D(int factorH = 2, int factorW = 2) : Layer
{
    /// <summary>Output rows and columns for each of the input.</summary>
    public (int Height, int Width) Factor { get; } = (factorH, factorW);

    /// <summary>How the pixels in between are found.</summary>
    public UpsampleKind Interpolation { get; init; }

    private Upsample2DOp Op => new(Interpolation, Factor.Height, Factor.Width);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Op.InferShape([inputs[0].Prepend(1)]).Tail();

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(Op, inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["factor"] = new JsonArray(Factor.Height, Factor.Width);
        config["interpolation"] = Interpolation.ToString();
    }

    internal static Layer Read(JsonNode config) => new UpSampling2D((int)config["factor"]![0]!, (int)config["factor"]![1]!)
    {
        Interpolation = Enum.Parse<UpsampleKind>((string)config["interpolation"]!),
    };
}

/// <summary>Cuts rows and columns off the sides of an image. Matches Keras's Cropping2D.</summary>
/// <param name="border">Rows and columns to cut off.</param>
public sealed class Cropping2D(Padding2D border) : Layer
{
    /// <summary>Rows and columns cut off.</summary>
    public Padding2D Border { get; } = border;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        if (x.Rank != 3)
            throw new ShapeException($"takes images [H,W,C], not {x}.");
        bool fits = Math.Min(Math.Min(Border.Top, Border.Bottom), Math.Min(Border.Left, Border.Right)) >= 0 && Border.Top + Border.Bottom < x[0] && Border.Left + Border.Right < x[1];
        return fits ? new Shape(x[0] - Border.Top - Border.Bottom, x[1] - Border.Left - Border.Right, x[2])
            : throw new ShapeException($"cannot cut {Border} off {x}: at least one row and column must stay, and nothing negative is cut.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape y = OutputShape([inputs[0].Shape.Tail()]);
        Tensor rows = tape.Run(new SliceOp(1, Border.Top, y[0]), inputs[0]);
        return Then(tape, rows, new SliceOp(2, Border.Left, y[1]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = new JsonArray(Border.Top, Border.Bottom, Border.Left, Border.Right);

    internal static Layer Read(JsonNode config)
    {
        JsonArray b = config["border"]!.AsArray();
        return new Cropping2D(new Padding2D((int)b[0]!, (int)b[1]!, (int)b[2]!, (int)b[3]!));
    }
}

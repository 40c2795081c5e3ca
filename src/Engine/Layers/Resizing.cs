using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Images of another size. Matches Keras's Resizing with the TensorFlow backend, without antialiasing.</summary>
/// <remarks>
/// x [N,H,W,C], y [N,height,width,C]: a product with a matrix of shares along the rows, and one along the columns.
/// </remarks>
/// <param name="height">Rows of the output.</param>
/// <param name="width">Columns of the output.</param>
public sealed class Resizing(int height, int width) : Layer
{
    /// <summary>Rows and columns of the output.</summary>
    public (int Height, int Width) Size { get; } = (height, width);

    /// <summary>How pixels are made of those near them.</summary>
    public ResizeInterpolation Interpolation { get; init; }

    /// <summary>True cuts the largest window of the output's proportions out of the middle first, so that nothing is distorted.</summary>
    public bool CropToAspectRatio { get; init; }

    /// <summary>True fills the shorter side up on both ends first, so that nothing is distorted.</summary>
    public bool PadToAspectRatio { get; init; }

    /// <summary>What <see cref="PadToAspectRatio"/> fills with.</summary>
    public float FillValue { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3 && Math.Min(Size.Height, Size.Width) >= 1 && !(CropToAspectRatio && PadToAspectRatio)
        ? new Shape(Size.Height, Size.Width, inputs[0][2])
        : throw new ShapeException($"makes images [H,W,C] of 1x1 or more, cut or filled up but not both; here {inputs[0]} to {Size.Height}x{Size.Width}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]);
        if (CropToAspectRatio)
            x = Crop(tape, x, Size);
        else if (PadToAspectRatio)
            x = Fill(tape, x);
        return Resize(tape, x, Interpolation, Size);
    }

    /// <summary>The largest window of the given proportions, out of the middle of an intermediate, which is given back.</summary>
    internal static Tensor Crop(Tape tape, Tensor own, (int Height, int Width) size)
    {
        (int h, int w) = (own.Shape[1], own.Shape[2]);
        int cropH = Math.Clamp((int)((double)w * size.Height / size.Width), 1, h), cropW = Math.Clamp((int)((double)h * size.Width / size.Height), 1, w);
        return Then(tape, Then(tape, own, new SliceOp(1, (h - cropH) / 2, cropH)), new SliceOp(2, (w - cropW) / 2, cropW));
    }

    /// <summary>An intermediate [N,H,W,C] in another size; it is given back.</summary>
    internal static Tensor Resize(Tape tape, Tensor own, ResizeInterpolation interpolation, (int Height, int Width) size)
    {
        (int n, int h, int w, int c) = (own.Shape[0], own.Shape[1], own.Shape[2], own.Shape[3]);
        if (h != size.Height)
        {
            Tensor rows = tape.Constant(new Shape(1, size.Height, h), ResizeMatrix.Of(interpolation, h, size.Height));
            own = Along(tape, Then(tape, own, new ReshapeOp(n, h, w * c)), rows);
        }
        if (w != size.Width)
        {
            Tensor columns = tape.Constant(new Shape(1, size.Width, w), ResizeMatrix.Of(interpolation, w, size.Width));
            own = Along(tape, Then(tape, own, new ReshapeOp(n * size.Height, w, c)), columns);
        }
        return Then(tape, own, new ReshapeOp(n, size.Height, size.Width, c));
    }

    private static Tensor Along(Tape tape, Tensor own, Tensor matrix)
    {
        Tensor y = tape.Run(new MatMulOp(), matrix, own); // [1,P,H] [N,H,M] -> [N,P,M]
        tape.Release(own);
        return y;
    }

    private Tensor Fill(Tape tape, Tensor own)
    {
        (int h, int w) = (own.Shape[1], own.Shape[2]);
        int rows = Math.Max(0, ((int)((double)w * Size.Height / Size.Width) - h) / 2), columns = Math.Max(0, ((int)((double)h * Size.Width / Size.Height) - w) / 2);
        Tensor x = FillValue == 0 ? own : Then(tape, own, new UnaryOp(UnaryFormula.Scale, 1, -FillValue));
        x = Then(tape, x, new Pad2DOp(new Padding2D(rows, rows, columns, columns)));
        return FillValue == 0 ? x : Then(tape, x, new UnaryOp(UnaryFormula.Scale, 1, FillValue));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["size"] = new JsonArray(Size.Height, Size.Width);
        config["interpolation"] = Interpolation.ToString();
        config["crop_to_aspect_ratio"] = CropToAspectRatio;
        config["pad_to_aspect_ratio"] = PadToAspectRatio;
        config["fill_value"] = FillValue;
    }

    internal static Layer Read(JsonNode config) => new Resizing((int)config["size"]![0]!, (int)config["size"]![1]!)
    {
        Interpolation = Enum.Parse<ResizeInterpolation>((string)config["interpolation"]!),
        CropToAspectRatio = (bool)config["crop_to_aspect_ratio"]!,
        PadToAspectRatio = (bool)config["pad_to_aspect_ratio"]!,
        FillValue = (float)config["fill_value"]!,
    };
}

/// <summary>The middle of an image; where that is smaller than asked for, the largest window of the same proportions, resized. Matches Keras's CenterCrop.</summary>
/// <remarks>x [N,H,W,C], y [N,height,width,C].</remarks>
/// <param name="height">Rows of the output.</param>
/// <param name="width">Columns of the output.</param>
public sealed class CenterCrop(int height, int width) : Layer
{
    /// <summary>Rows and columns of the output.</summary>
    public (int Height, int Width) Size { get; } = (height, width);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3 && Math.Min(Size.Height, Size.Width) >= 1
        ? new Shape(Size.Height, Size.Width, inputs[0][2])
        : throw new ShapeException($"cuts 1x1 or more out of images [H,W,C]; here {Size.Height}x{Size.Width} of {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape;
        if (x[1] < Size.Height || x[2] < Size.Width)
            return Resizing.Resize(tape, Resizing.Crop(tape, tape.Run(new ReshapeOp([.. x]), inputs[0]), Size), ResizeInterpolation.Bilinear, Size);
        Tensor rows = tape.Run(new SliceOp(1, (x[1] - Size.Height) / 2, Size.Height), inputs[0]);
        return Then(tape, rows, new SliceOp(2, (x[2] - Size.Width) / 2, Size.Width));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["size"] = new JsonArray(Size.Height, Size.Width);

    internal static Layer Read(JsonNode config) => new CenterCrop((int)config["size"]![0]!, (int)config["size"]![1]!);
}

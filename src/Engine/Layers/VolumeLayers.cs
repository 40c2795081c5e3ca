using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Slices, rows and columns at the sides of a volume: (front, back), (top, bottom), (left, right).</summary>
/// <param name="Front">Slices before the first.</param>
/// <param name="Back">Slices behind the last.</param>
/// <param name="Slice">Rows and columns of each slice.</param>
public readonly record struct Padding3D(int Front, int Back, Padding2D Slice)
{
    /// <summary>The same at all six sides.</summary>
    public static Padding3D All(int size) => new(size, size, Padding2D.All(size));

    internal bool IsNegative => Math.Min(Math.Min(Front, Back), Math.Min(Math.Min(Slice.Top, Slice.Bottom), Math.Min(Slice.Left, Slice.Right))) < 0;

    internal JsonArray Write() => new(Front, Back, Slice.Top, Slice.Bottom, Slice.Left, Slice.Right);

    internal static Padding3D Read(JsonNode b) => new((int)b[0]!, (int)b[1]!, new Padding2D((int)b[2]!, (int)b[3]!, (int)b[4]!, (int)b[5]!));
}

/// <summary>What the layers share that enlarge volumes [D,H,W,C]: an op on each slice, then one along the depth.</summary>
public abstract class VolumeLayer : Layer
{
    private protected static Tensor Enlarge(Tape tape, Tensor x, Op slices, Op depth)
    {
        Tensor t = Then(tape, tape.Run(ImageView.OfSlices(x.Shape), x), slices);
        t = Then(tape, t, ImageView.ToVolume(t.Shape, x.Shape[1]));
        (int h, int w) = (t.Shape[2], t.Shape[3]);
        t = Then(tape, Then(tape, t, ImageView.OfDepth(t.Shape)), depth);
        return Then(tape, t, new ReshapeOp(t.Shape[0], t.Shape[1], h, w, t.Shape[3]));
    }
}

/// <summary>Zeros around a volume. Matches Keras's ZeroPadding3D.</summary>
/// <param name="border">Slices, rows and columns to add.</param>
public sealed class ZeroPadding3D(Padding3D border) : VolumeLayer
{
    /// <summary>Slices, rows and columns added.</summary>
    public Padding3D Border { get; } = border;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        Window3D.CheckVolume(x);
        return Border.IsNegative ? throw new ShapeException($"cannot add {Border} to {x}: nothing negative is added; to cut, use Cropping3D.")
            : new Shape(x[0] + Border.Front + Border.Back, x[1] + Border.Slice.Top + Border.Slice.Bottom, x[2] + Border.Slice.Left + Border.Slice.Right, x[3]);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        Enlarge(tape, inputs[0], new Pad2DOp(Border.Slice), new Pad2DOp(new Padding2D(Border.Front, Border.Back, 0, 0)));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = Border.Write();

    internal static Layer Read(JsonNode config) => new ZeroPadding3D(Padding3D.Read(config["border"]!));
}

/// <summary>Cuts slices, rows and columns off the sides of a volume. Matches Keras's Cropping3D.</summary>
/// <param name="border">Slices, rows and columns to cut off.</param>
public sealed class Cropping3D(Padding3D border) : Layer
{
    /// <summary>Slices, rows and columns cut off.</summary>
    public Padding3D Border { get; } = border;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        Window3D.CheckVolume(x);
        (int d, int h, int w) = (x[0] - Border.Front - Border.Back, x[1] - Border.Slice.Top - Border.Slice.Bottom, x[2] - Border.Slice.Left - Border.Slice.Right);
        return !Border.IsNegative && d > 0 && h > 0 && w > 0 ? new Shape(d, h, w, x[3])
            : throw new ShapeException($"cannot cut {Border} off {x}: at least one slice, row and column must stay, and nothing negative is cut.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape y = OutputShape([inputs[0].Shape.Tail()]);
        Tensor t = tape.Run(new SliceOp(1, Border.Front, y[0]), inputs[0]);
        return Then(tape, Then(tape, t, new SliceOp(2, Border.Slice.Top, y[1])), new SliceOp(3, Border.Slice.Left, y[2]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = Border.Write();

    internal static Layer Read(JsonNode config) => new Cropping3D(Padding3D.Read(config["border"]!));
}

/// <summary>Each slice, row and column of a volume several times. Matches Keras's UpSampling3D.</summary>
/// <param name="factorD">Output slices for each of the input.</param>
/// <param name="factorH">Output rows for each of the input.</param>
/// <param name="factorW">Output columns for each of the input.</param>
public sealed class UpSampling3D(int factorD = 2, int factorH = 2, int factorW = 2) : VolumeLayer
{
    /// <summary>Output slices, rows and columns for each of the input.</summary>
    public (int Depth, int Height, int Width) Factor { get; } = (factorD, factorH, factorW);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        Window3D.CheckVolume(x);
        return Math.Min(Factor.Depth, Math.Min(Factor.Height, Factor.Width)) >= 1 ? new Shape(x[0] * Factor.Depth, x[1] * Factor.Height, x[2] * Factor.Width, x[3])
            : throw new ShapeException($"the factors {Factor} are not 1 or more; to make {x} smaller, use pooling.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Enlarge(
        tape, inputs[0], new Upsample2DOp(UpsampleKind.Nearest, Factor.Height, Factor.Width), new Upsample2DOp(UpsampleKind.Nearest, Factor.Depth, 1));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["factor"] = new JsonArray(Factor.Depth, Factor.Height, Factor.Width);

    internal static Layer Read(JsonNode config) => new UpSampling3D((int)config["factor"]![0]!, (int)config["factor"]![1]!, (int)config["factor"]![2]!);
}

using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Maximum or mean over windows: x [N,H,W,C] to [N,OutH,OutW,C]. Padding never wins and adds nothing.</summary>
/// <param name="kind">Maximum (of equals the first, row by row) or mean.</param>
/// <param name="filterH">Window height.</param>
/// <param name="filterW">Window width.</param>
/// <param name="strideH">Rows between windows.</param>
/// <param name="strideW">Columns between windows.</param>
/// <param name="padding">Rows and columns around the image; each smaller than the window.</param>
/// <param name="countPadding">For the mean: false divides by the pixels inside the image (Keras), true by the whole window (torch).</param>
public sealed class Pool2DOp(
    PoolKind kind, int filterH, int filterW, int strideH, int strideW, Padding2D padding, bool countPadding = false) : Op
{
    /// <inheritdoc/>
    public override string Name => kind == PoolKind.Max ? "MaxPool2D" : "AveragePool2D";

    /// <summary>Window height and width.</summary>
    public (int Height, int Width) Filter => (filterH, filterW);

    /// <summary>Rows and columns between windows.</summary>
    public (int Height, int Width) Strides => (strideH, strideW);

    /// <summary>True where a mean divides by the whole window, padding included.</summary>
    public bool CountPadding => countPadding;

    /// <summary>Maximum or mean.</summary>
    public PoolKind Kind => kind;

    /// <summary>True for windows of <paramref name="size"/> x <paramref name="size"/> pixels side by side, without padding.</summary>
    internal bool IsGrid(int size) =>
        filterH == size && filterW == size && strideH == size && strideW == size && padding == Padding2D.None;

    /// <summary>The same window over an image with another border.</summary>
    public Pool2DOp WithPadding(Padding2D border) => new(kind, filterH, filterW, strideH, strideW, border, countPadding);

    /// <summary>Rows and columns around the image.</summary>
    public Padding2D Padding => padding;

    /// <summary>True where the op makes the given output from the given image, and every window holds some of the image.</summary>
    internal bool Covers(Shape output, Shape image)
    {
        Pool2DGeometry g = Geometry(image);
        return Math.Max(padding.Top, padding.Bottom) < filterH && Math.Max(padding.Left, padding.Right) < filterW && g.OutH == output[1] && g.OutW == output[2];
    }

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool SavesForBackwardOnly => true;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => kind == PoolKind.Max ? [InferShape(inputs)] : [];

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        ShapeCheck.Rank(Name, "input", inputs[0], 4, "[N,H,W,C]");
        Pool2DGeometry g = Geometry(inputs[0]);
        ShapeCheck.Window(Name, inputs[0], g.OutH, g.OutW, g.R, g.S);
        if (Math.Max(padding.Top, padding.Bottom) >= filterH || Math.Max(padding.Left, padding.Right) >= filterW)
        {
            throw new ShapeException(
                $"{Name}: padding {padding} reaches the {filterH}x{filterW} window, so that a window may hold padding alone; "
                + "pad by less than the window.");
        }
        return new Shape(g.N, g.OutH, g.OutW, g.C);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call.Kernels.Narrow.Pool2D, call.In(0).Shape, call.In(0).NarrowData, call.Output.NarrowData, WinnersOf(call));
        else
            Forward(call.Kernels.Pool2D, call.In(0).Shape, call.In(0).Data, call.Output.Data, WinnersOf(call));
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => Forward(call.Kernels.Pool2D, call.Shape(0), call.In(0), call.Output, DevicePtr<int>.Null);

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    private void Forward<T>(Pool2DKernels<T> kernels, Shape shape, DevicePtr<T> x, DevicePtr<T> y, DevicePtr<int> winners)
        where T : unmanaged
    {
        if (kind == PoolKind.Max)
            kernels.MaxForward(Geometry(shape), x, y, winners);
        else
            kernels.AverageForward(Geometry(shape), x, y);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Pool2D);
        else
            Backward(call, call.Kernels.Pool2D);
    }

    private void Backward<T>(OpCall call, Pool2DKernels<T> kernels)
        where T : unmanaged
    {
        Pool2DGeometry g = Geometry(call.In(0).Shape);
        var (dx, beta) = call.GradIn<T>(0);
        if (kind == PoolKind.Max)
            kernels.MaxBackward(g, call.GradOutAs<T>(), WinnersOf(call), dx, beta);
        else
            kernels.AverageBackward(g, call.GradOutAs<T>(), dx, beta);
    }

    /// <summary>The saved buffer as integers, which have the width of floats; Null where there is none.</summary>
    private DevicePtr<int> WinnersOf(OpCall call) => kind == PoolKind.Max && call.Recorded ? new(call.Saved(0).Address) : DevicePtr<int>.Null;

    private Pool2DGeometry Geometry(Shape x) => new(x[0], x[1], x[2], x[3], filterH, filterW, strideH, strideW, padding, countPadding);
}

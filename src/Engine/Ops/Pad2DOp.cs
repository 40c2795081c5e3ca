using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Zeros around an image: x [N,H,W,C] to [N,H + top + bottom,W + left + right,C].</summary>
/// <param name="padding">Rows and columns to add.</param>
public sealed class Pad2DOp(Padding2D padding) : Op
{
    /// <inheritdoc/>
    public override string Name => "Pad2D";

    /// <summary>Rows and columns to add.</summary>
    public Padding2D Padding => padding;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        ShapeCheck.Rank(Name, "input", inputs[0], 4, "[N,H,W,C]");
        if (Math.Min(Math.Min(padding.Top, padding.Bottom), Math.Min(padding.Left, padding.Right)) < 0)
            throw new ShapeException($"Pad2D: {padding} is negative for input {inputs[0]}; to cut an image, use a slice.");
        Pad2DGeometry g = Geometry(inputs[0]);
        return new Shape(g.N, g.OutH, g.OutW, g.C);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            ForwardNarrow(call.Narrow);
        else
            call.Kernels.Pad2D.Forward(Geometry(call.In(0).Shape), call.In(0).Data, call.Output.Data);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Pad2D.Forward(Geometry(call.Shape(0)), call.In(0), call.Output);

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Pad2D);
        else
            Backward(call, call.Kernels.Pad2D);
    }

    private void Backward<T>(OpCall call, Pad2DKernels<T> kernels)
        where T : unmanaged
    {
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call.In(0).Shape), call.GradOutAs<T>(), dx, beta);
    }

    private Pad2DGeometry Geometry(Shape x) => new(x[0], x[1], x[2], x[3], padding);
}

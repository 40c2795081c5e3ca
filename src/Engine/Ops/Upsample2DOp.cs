using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Larger images: x [N,H,W,C] to [N,H factorH,W factorW,C]. Source: <see cref="Upsample2DKernels"/>.</summary>
/// <param name="kind">How the pixels in between are found.</param>
/// <param name="factorH">Output rows for each input row, 1 or more.</param>
/// <param name="factorW">Output columns for each input column, 1 or more.</param>
public sealed class Upsample2DOp(UpsampleKind kind, int factorH, int factorW) : Op
{
    /// <inheritdoc/>
    public override string Name => "Upsample2D";

    /// <summary>How the pixels in between are found.</summary>
    public UpsampleKind Kind => kind;

    /// <summary>Output rows and columns for each input row and column.</summary>
    public (int Height, int Width) Factor => (factorH, factorW);

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        ShapeCheck.Rank(Name, "input", inputs[0], 4, "[N,H,W,C]");
        if (factorH < 1 || factorW < 1)
            throw new ShapeException($"Upsample2D: the factors {factorH}x{factorW} are not 1 or more; to make {inputs[0]} smaller, use pooling.");
        Upsample2DGeometry g = Geometry(inputs[0]);
        return new Shape(g.N, g.OutH, g.OutW, g.C);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.Upsample2D);
        else
            Forward(call, call.Kernels.Upsample2D);
    }

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Upsample2D);
        else
            Backward(call, call.Kernels.Upsample2D);
    }

    private void Forward<T>(OpCall call, Upsample2DKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call.In(0).Shape), call.In(0).As<T>(), call.Output.As<T>());

    private void Backward<T>(OpCall call, Upsample2DKernels<T> kernels)
        where T : unmanaged
    {
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call.In(0).Shape), call.GradOutAs<T>(), dx, beta);
    }

    private Upsample2DGeometry Geometry(Shape x) => new(kind, x[0], x[1], x[2], x[3], factorH, factorW);
}

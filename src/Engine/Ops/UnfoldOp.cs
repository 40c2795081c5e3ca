using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Windows along an axis become channels: x [N,T,..,C] to [N,P,..,groups · S · C / groups], the channels of a group side by side, window number by
/// window number. Source: <see cref="UnfoldKernels"/>.
/// </summary>
/// <remarks>P = floor((T + front + back - dilation (S - 1) - 1) / stride) + 1.</remarks>
/// <param name="axis">The axis of the windows, before the channels.</param>
/// <param name="window">S, positions in a window.</param>
/// <param name="stride">Positions from one window to the next.</param>
/// <param name="dilation">Positions from one number of a window to the next.</param>
/// <param name="front">Zeros before the first position.</param>
/// <param name="back">Zeros behind the last.</param>
/// <param name="groups">Groups of channels that stay together.</param>
public sealed class UnfoldOp(int axis, int window, int stride, int dilation, int front, int back, int groups = 1) : Op
{
    /// <inheritdoc/>
    public override string Name => "Unfold";

    /// <summary>The axis of the windows.</summary>
    public int Axis => axis;

    /// <summary>Positions in a window.</summary>
    public int Window => window;

    /// <summary>Positions from one window to the next.</summary>
    public int Stride => stride;

    /// <summary>Positions from one number of a window to the next.</summary>
    public int Dilation => dilation;

    /// <summary>Zeros before the first position.</summary>
    public int Front => front;

    /// <summary>Zeros behind the last.</summary>
    public int Back => back;

    /// <summary>Groups of channels that stay together.</summary>
    public int Groups => groups;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        Shape x = inputs[0];
        int along = ShapeCheck.Axis(Name, x, axis);
        if (along == x.Rank - 1 || x[-1] % groups != 0)
            throw new ShapeException($"Unfold: axis {along} of {x} must stand before the channels, and those must divide into {groups} groups.");
        int windows = Conv2DGeometry.Extent(x[along] + front + back, window, stride, dilation);
        if (windows < 1)
        {
            throw new ShapeException(
                $"Unfold: a window of {window} (dilation {dilation}) does not fit into axis {along} of {x} with its padding; use a larger input, more padding or a smaller window.");
        }
        int[] dims = x.Dims.ToArray();
        dims[along] = windows;
        dims[^1] *= window;
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Unfold.Unfold(Geometry(call.In(0).Shape), call.In(0).Data, call.Output.Data, 0);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Unfold.Fold(Geometry(call.In(0).Shape), call.GradOut, dx, beta);
    }

    private UnfoldGeometry Geometry(Shape x)
    {
        int along = ShapeCheck.Axis(Name, x, axis), windows = Conv2DGeometry.Extent(x[along] + front + back, window, stride, dilation);
        return Geometry(x, along, groups, windows, window, stride, dilation, front);
    }

    /// <summary>The sizes for the narrow side <paramref name="x"/>.</summary>
    internal static UnfoldGeometry Geometry(Shape x, int along, int groups, int windows, int window, int stride, int dilation, int front)
    {
        int before = 1, between = groups;
        for (int i = 0; i < along; i++)
            before *= x[i];
        for (int i = along + 1; i < x.Rank - 1; i++)
            between *= x[i];
        return new(before, x[along], between, x[-1] / groups, windows, window, stride, dilation, front);
    }
}

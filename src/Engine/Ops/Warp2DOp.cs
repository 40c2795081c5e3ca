using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Images resampled by an affine map each, drawn for this step: x [N,H,W,C] to [N,outH,outW,C]. Source: <see cref="Warp2DKernels"/>.
/// </summary>
/// <param name="outH">Output height.</param>
/// <param name="outW">Output width.</param>
/// <param name="maps">Six numbers an image: x_in = m0 q + m1 p + m2, y_in = m3 q + m4 p + m5 for output row p and column q.</param>
/// <param name="blends">True blends the four pixels around a place (bilinear), false takes the nearest.</param>
/// <param name="fill">What lies beyond the border.</param>
/// <param name="fillValue">The number for <see cref="WarpFill.Constant"/>.</param>
public sealed class Warp2DOp(int outH, int outW, IReadOnlyList<float> maps, bool blends, WarpFill fill, float fillValue) : Op
{
    /// <inheritdoc/>
    public override string Name => "Warp2D";

    /// <inheritdoc/>
    public override bool IsPure => false;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        ShapeCheck.Rank(Name, "input", inputs[0], 4, "[N,H,W,C]");
        return maps.Count == 6 * inputs[0][0] ? new Shape(inputs[0][0], outH, outW, inputs[0][3])
            : throw new ShapeException($"Warp2D: {maps.Count} numbers are not six for each image of {inputs[0]}.");
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Warp2D.Forward(Geometry(call), call.In(0).Data, Maps(call), call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Warp2D.BackwardInput(Geometry(call), Maps(call), call.GradOut, dx, beta);
    }

    private DevicePtr<float> Maps(OpCall call)
    {
        DevicePtr<float> onDevice = call.Temporary(maps.Count);
        call.Kernels.Memory.Upload<float>([.. maps], onDevice);
        return onDevice;
    }

    private Warp2DGeometry Geometry(OpCall call)
    {
        Shape x = call.In(0).Shape;
        return new(x[0], x[1], x[2], x[3], outH, outW, blends, fill, fillValue);
    }
}

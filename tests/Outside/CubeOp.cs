using Graft;
using Graft.Ops;

namespace Outside;

/// <summary>The op of docs/extending.md, on the host.</summary>
public sealed class CubeOp : Op                                               // y = x³
{
    public override string Name => "Cube";

    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override void Forward(OpCall call)
    {
        float[] y = call.HostIn(0).ToArray();
        for (int i = 0; i < y.Length; i++)
            y[i] = y[i] * y[i] * y[i];
        call.Output.Set(y);
    }

    public override void Backward(OpCall call)                                // dx = dy 3x²
    {
        ReadOnlySpan<float> x = call.HostIn(0);
        float[] dx = call.HostGradOut().ToArray();
        for (int i = 0; i < dx.Length; i++)
            dx[i] *= 3 * x[i] * x[i];
        call.AddGradIn(0, dx);
    }
}

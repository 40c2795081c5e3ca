using Graft;
using Graft.Kernels;
using Graft.Ops;

namespace Outside;

/// <summary>The second op of docs/extending.md: on the device, by its own routines. Ganin and Lempitsky 2015: nothing forward, -strength times the gradient backward.</summary>
public sealed class ReverseGradientOp(float strength) : Op
{
    public override string Name => "ReverseGradient";

    public override bool KeepsInput(int index) => false;                      // backward reads no numbers of the forward pass

    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override void Forward(OpCall call) => call.Kernels.Memory.Copy(call.In(0).Data, call.Output.Data, call.Output.Count);

    public override void Backward(OpCall call)
    {
        (DevicePtr<float> dx, float beta) = call.GradIn(0);                   // beta 0: write; 1: add to what is there
        DevicePtr<float> turned = call.Temporary(call.Output.Count);
        call.Kernels.Unary.Forward(new UnaryGeometry(call.Output.Count, UnaryFormula.Scale, -strength), call.GradOut, turned);
        call.Kernels.Memory.Accumulate(turned, dx, call.Output.Count, beta);
    }
}

/// <summary>a · b + tanh a, whose backward reads the output of tanh back; wrong by a sign, or silent about b, where asked to.</summary>
public sealed class BlendOp(bool turned = false, bool silent = false) : Op
{
    public override string Name => "Blend";

    public override bool KeepsOutput => true;

    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0].Equals(inputs[1]) ? inputs[0]
        : throw new ShapeException($"Blend: {inputs[0]} and {inputs[1]} differ.");

    public override void Forward(OpCall call)
    {
        ReadOnlySpan<float> a = call.HostIn(0), b = call.HostIn(1);
        var y = new float[a.Length];
        for (int i = 0; i < y.Length; i++)
            y[i] = a[i] * b[i] + MathF.Tanh(a[i]);
        call.Output.Set(y);
    }

    public override void Backward(OpCall call)
    {
        ReadOnlySpan<float> a = call.HostIn(0), b = call.HostIn(1), y = call.HostOutput(), dy = call.HostGradOut();
        float[] da = new float[a.Length], db = new float[a.Length];
        for (int i = 0; i < a.Length; i++)
        {
            float tanh = y[i] - a[i] * b[i];
            da[i] = dy[i] * (turned ? -1 : 1) * (b[i] + 1 - tanh * tanh);
            db[i] = dy[i] * a[i];
        }
        call.AddGradIn(0, da);
        if (!silent)
            call.AddGradIn(1, db);
    }
}

/// <summary>Its backward gives too few numbers.</summary>
public sealed class ShortOp : Op
{
    public override string Name => "Short";

    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override void Forward(OpCall call) => call.Output.Set(call.HostIn(0));

    public override void Backward(OpCall call) => call.AddGradIn(0, [1f]);
}

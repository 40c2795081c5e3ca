using Graft.Kernels;

namespace Graft.Ops;

/// <summary>One formula applied to each number: y = f(x). Formulas and their sources: <see cref="UnaryFormula"/>.</summary>
/// <param name="formula">The formula.</param>
/// <param name="alpha">The formula's first attribute.</param>
/// <param name="beta">The formula's second attribute.</param>
public sealed class UnaryOp(UnaryFormula formula, float alpha = 0, float beta = 0) : Op
{
    /// <inheritdoc/>
    public override string Name => formula.ToString();

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => !Geometry(0).DerivesFromOutput;

    /// <inheritdoc/>
    public override bool KeepsOutput => Geometry(0).DerivesFromOutput;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Unary.Forward(Geometry(call.Output.Count), call.In(0).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        UnaryGeometry g = Geometry(call.Output.Count);
        DevicePtr<float> x = g.DerivesFromOutput ? DevicePtr<float>.Null : call.In(0).Data;
        DevicePtr<float> y = g.DerivesFromOutput ? call.Output.Data : DevicePtr<float>.Null;
        var (dx, dxBeta) = call.GradIn(0);
        call.Kernels.Unary.Backward(g, x, y, call.GradOut, dx, dxBeta);
    }

    private UnaryGeometry Geometry(long count) => new(formula, count, alpha, beta);
}

using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A function of one number for each element: x [..] to y of the same shape. Source: <see cref="UnaryKernels"/>.</summary>
public sealed class UnaryOp : Op
{
    private readonly UnaryFormula _formula;
    private readonly float _alpha, _beta;

    /// <summary>Makes the op.</summary>
    /// <param name="formula">The function.</param>
    /// <param name="alpha">Its first parameter, where it has one.</param>
    /// <param name="beta">Its second parameter, where it has one.</param>
    /// <exception cref="GraftException">The parameters do not fit the formula.</exception>
    public UnaryOp(UnaryFormula formula, float alpha = 0, float beta = 0)
    {
        // Backward tells the two sides of these by the sign of y, which a negative alpha would turn over.
        if (formula is UnaryFormula.LeakyReLU or UnaryFormula.ELU && !(alpha >= 0))
            throw new GraftException($"{formula}: alpha is {alpha}; it takes 0 or more.");
        if (formula == UnaryFormula.ReLUMax && !(alpha > 0))
            throw new GraftException($"ReLUMax: the largest value is {alpha}; it takes more than 0, or use ReLU.");
        if (formula == UnaryFormula.Clip && !(alpha <= beta))
            throw new GraftException($"Clip: the lower bound {alpha} is above the upper bound {beta}; swap them.");
        if (formula is UnaryFormula.SoftShrink or UnaryFormula.HardShrink or UnaryFormula.SquarePlus && !(alpha >= 0))
            throw new GraftException($"{formula}: alpha is {alpha}; it takes 0 or more.");
        (_formula, _alpha, _beta) = (formula, alpha, beta);
    }

    /// <summary>The function.</summary>
    public UnaryFormula Formula => _formula;

    /// <summary>Its first parameter.</summary>
    public float Alpha => _alpha;

    /// <summary>Its second parameter.</summary>
    public float Beta => _beta;

    /// <summary>What it is where a kernel before it applies it; None where none can.</summary>
    internal FusedActivation Fused => _formula.Fused(_alpha);

    /// <inheritdoc/>
    public override string Name => _formula.ToString();

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => UnaryGeometry.NeedsInput(_formula);

    /// <inheritdoc/>
    public override bool KeepsOutput => UnaryGeometry.NeedsOutput(_formula);

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            ForwardNarrow(call.Narrow);
        else
            call.Kernels.Unary.Forward(Geometry(call.Output.Shape), call.In(0).Data, call.Output.Data);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Unary.Forward(Geometry(call.OutputShape), call.In(0), call.Output);

    /// <summary>Activations between products, and a factor; of others, such as probabilities and logarithms, training keeps all digits.</summary>
    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => _formula is UnaryFormula.ReLU or UnaryFormula.ReLUMax or UnaryFormula.LeakyReLU or UnaryFormula.ELU
        or UnaryFormula.SELU or UnaryFormula.Tanh or UnaryFormula.SiLU or UnaryFormula.HardSiLU or UnaryFormula.Gelu or UnaryFormula.GeluTanh or UnaryFormula.Mish or UnaryFormula.Softsign
        or UnaryFormula.Scale;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Unary);
        else
            Backward(call, call.Kernels.Unary);
    }

    private void Backward<T>(OpCall call, UnaryKernels<T> kernels)
        where T : unmanaged
    {
        DevicePtr<T> x = KeepsInput(0) ? call.In(0).As<T>() : DevicePtr<T>.Null, y = KeepsOutput ? call.Output.As<T>() : DevicePtr<T>.Null;
        var (dx, beta) = call.GradInPlace<T>(0);
        kernels.BackwardInput(Geometry(call.Output.Shape), x, y, call.GradOutAs<T>(), dx, beta);
    }

    private UnaryGeometry Geometry(Shape y) => new(y.Count, _formula, _alpha, _beta);
}

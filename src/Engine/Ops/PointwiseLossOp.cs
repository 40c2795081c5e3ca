using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A loss of each element, not averaged: predictions [..], labels [..] to loss [..]. Source: <see cref="PointwiseLossKernels"/>.</summary>
public sealed class PointwiseLossOp : Op
{
    private readonly LossFormula _formula;
    private readonly float _parameter, _labelSmoothing;

    /// <summary>Makes the op.</summary>
    /// <param name="formula">The loss.</param>
    /// <param name="parameter">Huber's delta, above 0.</param>
    /// <param name="labelSmoothing">s: labels of the two cross-entropies become t (1 - s) + s / 2.</param>
    /// <exception cref="GraftException">Huber without a delta.</exception>
    public PointwiseLossOp(LossFormula formula, float parameter = 0, float labelSmoothing = 0)
    {
        if (formula == LossFormula.Huber && !(parameter > 0))
            throw new GraftException($"Huber: delta is {parameter}; it takes more than 0.");
        (_formula, _parameter, _labelSmoothing) = (formula, parameter, labelSmoothing);
    }

    /// <inheritdoc/>
    public override string Name => _formula.ToString();

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index == 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "predictions, labels");
        if (!inputs[0].Equals(inputs[1]))
            throw new ShapeException($"{Name}: predictions have shape {inputs[0]}, labels {inputs[1]}; they must be equal. Reshape the labels.");
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) =>
        call.Kernels.PointwiseLoss.Forward(Geometry(call), call.In(0).Data, call.In(1).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.PointwiseLoss.BackwardInput(Geometry(call), call.In(0).Data, call.In(1).Data, call.GradOut, dx, beta);
    }

    private PointwiseLossGeometry Geometry(OpCall call) => new(call.Output.Count, _formula, _parameter, _labelSmoothing);
}

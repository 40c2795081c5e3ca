using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// A recurrent layer over all steps, behind the product of its inputs: x [N,T,Gates U] and recurrent weights [U,Gates U] to all states [N,T,States U],
/// h before c. Source: <see cref="RecurrentKernels"/>.
/// </summary>
/// <remarks>Inputs: x, weights, and in this order those of <see cref="RecurrentInputs"/> that there are. Keeps the gates for backward.</remarks>
/// <param name="kind">The cell.</param>
/// <param name="activation">Of the new value and of the output.</param>
/// <param name="recurrentActivation">Of the other gates.</param>
/// <param name="optional">Which inputs there are behind the first two.</param>
/// <param name="readsBackwards">The first step reads the last input.</param>
/// <param name="writesBackwards">The first step writes the last output.</param>
public sealed class RecurrentOp(
    RecurrentKind kind, GateFunction activation, GateFunction recurrentActivation, RecurrentInputs optional = RecurrentInputs.None, bool readsBackwards = false,
    bool writesBackwards = false) : Op
{
    /// <inheritdoc/>
    public override string Name { get; } = $"Recurrent{kind}";

    /// <summary>The cell.</summary>
    public RecurrentKind Kind => kind;

    /// <summary>Of the new value and of the output.</summary>
    public GateFunction Activation => activation;

    /// <summary>Of the other gates.</summary>
    public GateFunction RecurrentActivation => recurrentActivation;

    /// <summary>Which inputs there are behind the first two.</summary>
    public RecurrentInputs OptionalInputs => optional;

    /// <summary>True where the first step reads the last input.</summary>
    public bool ReadsBackwards => readsBackwards;

    /// <summary>True where the first step writes the last output.</summary>
    public bool WritesBackwards => writesBackwards;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index != 0;

    /// <inheritdoc/>
    public override bool KeepsOutput => true;

    /// <inheritdoc/>
    public override bool SavesForBackwardOnly => true;

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index < 2 || index == Index(RecurrentInputs.Bias) || index == Index(RecurrentInputs.Initial);

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs)
    {
        RecurrentGeometry g = Geometry(inputs[0], inputs[1]);
        var gates = new Shape(g.N, g.T, g.SavedGates * g.U);
        return g.SavesSums ? [gates, new Shape(g.N, g.T, g.Gates * g.U)] : [gates];
    }

    /// <inheritdoc/>
    public override long Flops(ReadOnlySpan<Shape> inputs) => Geometry(inputs[0], inputs[1]).Flops;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        int count = 2 + int.PopCount((int)optional);
        ShapeCheck.Count(Name, inputs, count, count, $"x, weights{(optional == RecurrentInputs.None ? "" : $" and {optional}")}");
        Shape x = inputs[0], weights = inputs[1];
        ShapeCheck.Rank(Name, "x", x, 3, "[N,T,gates units]");
        ShapeCheck.Rank(Name, "weights", weights, 2, "[units,gates units]");
        int u = weights[0], gates = RecurrentGeometry.GatesOf(kind), states = RecurrentGeometry.StatesOf(kind);
        if (weights[1] != gates * u || x[2] != gates * u || x[1] == 0)
            throw new ShapeException($"{Name}: x {x} and weights {weights} do not fit; with {gates} gates they are [N,T,{gates} units] with a step or more, and [units,{gates} units].");
        Check(inputs, RecurrentInputs.Bias, new Shape(gates * u));
        Check(inputs, RecurrentInputs.Initial, new Shape(x[0], states * u));
        Check(inputs, RecurrentInputs.Dropout, new Shape(x[0], u));
        Check(inputs, RecurrentInputs.Mask, new Shape(x[0], x[1]));
        return new Shape(x[0], x[1], states * u);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        RecurrentGeometry g = Geometry(call.In(0).Shape, call.In(1).Shape);
        DevicePtr<float> gates = call.Recorded ? call.Saved(0) : DevicePtr<float>.Null;
        call.Kernels.Recurrent.Forward(g, Operands(call, call.In(0).Data), call.Output.Data, gates, call.Recorded && g.SavesSums ? call.Saved(1) : DevicePtr<float>.Null);
    }

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        RecurrentGeometry g = Geometry(call.In(0).Shape, call.In(1).Shape);
        (DevicePtr<float> dx, float betaX) = call.Needs(0) ? call.GradIn(0) : (DevicePtr<float>.Null, 1);
        DevicePtr<float> written = betaX == 0 ? dx : call.Temporary(call.In(0).Count); // the kernel reads what it wrote
        (DevicePtr<float> dw, float betaW) = Gradient(call, 1);
        (DevicePtr<float> db, float betaB) = Gradient(call, Index(RecurrentInputs.Bias));
        (DevicePtr<float> dinitial, float betaInitial) = Gradient(call, Index(RecurrentInputs.Initial));
        DevicePtr<float> sums = g.SavesSums ? call.Saved(1) : DevicePtr<float>.Null;
        call.Kernels.Recurrent.Backward(g, Operands(call, DevicePtr<float>.Null), call.Output.Data, call.Saved(0), sums, call.GradOut,
            new RecurrentGradients(written, dw, betaW, db, betaB, dinitial, betaInitial), call.Temporary(g.WorkCount));
        if (!dx.IsNull && betaX != 0)
            call.Kernels.Memory.Accumulate(written, dx, call.In(0).Count, betaX);
    }

    private static (DevicePtr<float> Gradient, float Beta) Gradient(OpCall call, int index) =>
        index >= 0 && call.Needs(index) ? call.GradIn(index) : (DevicePtr<float>.Null, 0);

    // Backward needs x no more: it has the gates.
    private RecurrentOperands Operands(OpCall call, DevicePtr<float> x) => new(x, call.In(1).Data, Optional(call, RecurrentInputs.Bias),
        Optional(call, RecurrentInputs.Initial), Optional(call, RecurrentInputs.Dropout), Optional(call, RecurrentInputs.Mask));

    private DevicePtr<float> Optional(OpCall call, RecurrentInputs input) => Index(input) is >= 0 and int index ? call.In(index).Data : DevicePtr<float>.Null;

    /// <summary>Place of an optional input; -1 where it is not there.</summary>
    public int Index(RecurrentInputs input) => (optional & input) == 0 ? -1 : 2 + int.PopCount((int)optional & ((int)input - 1));

    private void Check(ReadOnlySpan<Shape> shapes, RecurrentInputs input, Shape expected)
    {
        if (Index(input) is >= 0 and int index && !shapes[index].Equals(expected))
            throw new ShapeException($"{Name}: {input} has shape {shapes[index]}; x {shapes[0]} and weights {shapes[1]} take {expected}.");
    }

    private RecurrentGeometry Geometry(Shape x, Shape weights) =>
        new(kind, x[0], x[1], weights[0], activation, recurrentActivation, readsBackwards, writesBackwards);
}

/// <summary>Inputs that a <see cref="RecurrentOp"/> may have.</summary>
[Flags]
public enum RecurrentInputs
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>[Gates U]: a bias of the recurrent product, of a GRU with the reset gate after it.</summary>
    Bias = 1,

    /// <summary>[N,States U]: states before the first step.</summary>
    Initial = 2,

    /// <summary>[N,U]: what the state is multiplied by before each product.</summary>
    Dropout = 4,

    /// <summary>[N,T]: 0 where a step does not count.</summary>
    Mask = 8,
}

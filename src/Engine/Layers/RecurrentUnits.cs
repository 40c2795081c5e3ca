using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What SimpleRNN, LSTM and GRU share: a dense product of the inputs, and one op for all steps of the recurrence.</summary>
/// <remarks>
/// kernel [I,gates units] Glorot-uniform, recurrent_kernel [units,gates units] orthogonal, bias zeros; gate beside gate in Keras's order. Dropout draws one mask a
/// batch for the inputs and one for the state; all steps and all gates share it, as in Keras's implementation 2 (its implementation 1 draws one a gate).
/// </remarks>
public abstract class RecurrentUnits : RecurrentLayer
{
    private Parameter? _kernel, _recurrentKernel, _bias;
    private Initializer _kernelInitializer = Initializers.GlorotUniformDense, _recurrentInitializer = Initializers.Orthogonal;

    private protected RecurrentUnits(int units) =>
        Units = units > 0 ? units : throw new ArgumentOutOfRangeException(nameof(units), units, "A recurrent layer has one unit or more.");

    private protected RecurrentUnits(JsonNode config)
        : base(config)
    {
        Units = (int)config["units"]!;
        Activation = Enum.Parse<Activation>((string)config["activation"]!);
        UseBias = (bool)config["use_bias"]!;
        Dropout = (float)config["dropout"]!;
        RecurrentDropout = (float)config["recurrent_dropout"]!;
        KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]);
        RecurrentRegularizer = Regularizer.Read(config["recurrent_regularizer"]);
        BiasRegularizer = Regularizer.Read(config["bias_regularizer"]);
    }

    /// <summary>Numbers of a state.</summary>
    public int Units { get; }

    /// <summary>Applied to the new value, and by LSTM to the cell's state.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Share of the inputs that is dropped in training, 0 to below 1.</summary>
    public float Dropout { get; init; }

    /// <summary>Share of the state that is dropped before its product in training, 0 to below 1.</summary>
    public float RecurrentDropout { get; init; }

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer
    {
        get => _kernelInitializer;
        init => _kernelInitializer = value;
    }

    /// <summary>Fills the recurrent kernel of a new layer.</summary>
    public Initializer RecurrentInitializer
    {
        get => _recurrentInitializer;
        init => _recurrentInitializer = value;
    }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large recurrent kernel costs; null for nothing.</summary>
    public Regularizer? RecurrentRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    internal override int StateCount => RecurrentGeometry.StatesOf(Kind);

    private protected abstract RecurrentKind Kind { get; }

    private protected virtual Activation GateActivation => Activation;

    private protected virtual Initializer BiasInitializer => Initializers.Zeros;

    private int Width => RecurrentGeometry.GatesOf(Kind) * Units;

    private bool HasTwoBiases => Kind == RecurrentKind.GruResetAfter; // one of the inputs and one of the recurrent product, as cuDNN has them

    internal override Shape[] StateShapes(Shape sequence) => sequence.Rank == 2 && sequence[0] > 0
        ? [.. Enumerable.Repeat(new Shape(Units), StateCount)]
        : throw new ShapeException($"takes sequences [T,I] with a step or more, not {sequence}.");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], Width), KernelInitializer, regularizer: KernelRegularizer);
        _recurrentKernel = AddParameter("recurrent_kernel", new Shape(Units, Width), RecurrentInitializer, regularizer: RecurrentRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", HasTwoBiases ? new Shape(2, Width) : new Shape(Width), BiasInitializer, regularizer: BiasRegularizer);
    }

    private protected override void TakeInitializers(RecurrentLayer from) =>
        (_kernelInitializer, _recurrentInitializer) = (((RecurrentUnits)from).KernelInitializer, ((RecurrentUnits)from).RecurrentInitializer);

    internal override (Tensor Output, Tensor[] States) RunSteps(Tape tape, Tensor x, Tensor[] initial, Tensor? mask, StepOrder order, bool sequences)
    {
        (Tensor? bias, Tensor? recurrentBias) = Biases(tape);
        var inputs = new List<Tensor> { Projected(tape, x, bias), Use(tape, _recurrentKernel!) };
        RecurrentInputs have = RecurrentInputs.None;
        void Add(RecurrentInputs input, Tensor? tensor)
        {
            if (tensor is null)
                return;
            inputs.Add(tensor);
            have |= input;
        }
        Add(RecurrentInputs.Bias, recurrentBias);
        Add(RecurrentInputs.Initial, initial.Length == 0 ? null : initial.Length == 1 ? initial[0] : tape.Run(new ConcatOp(1), initial));
        Add(RecurrentInputs.Dropout, Mask(tape, RecurrentDropout, new Shape(x.Shape[0], Units)));
        Add(RecurrentInputs.Mask, mask);
        var op = new RecurrentOp(Kind, Activation.Gate(), GateActivation.Gate(), have, order.Backwards, order.Backwards && order.Aligned);
        Tensor y = tape.Run(op, [.. inputs]);
        tape.Release(inputs[0]);
        Tensor[] states = Last(tape, y, order.Backwards && order.Aligned ? 0 : x.Shape[1] - 1);
        if (!sequences)
        {
            tape.Release(y);
            return (states[0], states);
        }
        return (StateCount == 1 ? y : Then(tape, y, new SliceOp(2, 0, Units)), states);
    }

    /// <summary>x kernel + bias for all steps at once.</summary>
    private Tensor Projected(Tape tape, Tensor x, Tensor? bias)
    {
        Tensor kernel = Use(tape, _kernel!);
        Tensor? mask = Mask(tape, Dropout, new Shape(x.Shape[0], 1, x.Shape[2]));
        Tensor dropped = mask is null ? x : tape.Run(new BinaryOp(BinaryFormula.Multiply), x, mask);
        Tensor projected = bias is null ? tape.Run(new DenseOp(), dropped, kernel) : tape.Run(new DenseOp(), dropped, kernel, bias);
        if (mask is not null)
            tape.Release(dropped);
        return projected;
    }

    private (Tensor? Inputs, Tensor? Recurrent) Biases(Tape tape)
    {
        if (_bias is null)
            return (null, null);
        Tensor bias = Use(tape, _bias);
        Tensor Part(int row) => tape.Run(new ReshapeOp(Width), tape.Run(new SliceOp(0, row, 1), bias));
        return HasTwoBiases ? (Part(0), Part(1)) : (bias, null);
    }

    /// <summary>Zeros and 1 / (1 - rate) for this step; null where nothing is dropped.</summary>
    private static Tensor? Mask(Tape tape, float rate, Shape shape) =>
        tape.Training && rate > 0 ? tape.Run(new DropoutOp(rate, NextSeed(tape)), Filled(tape, shape, 1)) : null;

    private Tensor[] Last(Tape tape, Tensor y, int step)
    {
        Tensor all = tape.Run(new SliceOp(1, step, 1), y); // [N,1,states units]
        if (StateCount == 1)
            return [tape.Run(new ReshapeOp(0, Units), all)];
        return [.. Enumerable.Range(0, StateCount).Select(i => tape.Run(new ReshapeOp(0, Units), tape.Run(new SliceOp(2, i * Units, Units), all)))];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["units"] = Units;
        config["activation"] = Activation.ToString();
        config["use_bias"] = UseBias;
        config["dropout"] = Dropout;
        config["recurrent_dropout"] = RecurrentDropout;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["recurrent_regularizer"] = Regularizer.Write(RecurrentRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        base.WriteConfig(config);
    }
}

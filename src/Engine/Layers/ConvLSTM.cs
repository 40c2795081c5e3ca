using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What ConvLSTM1D, 2D and 3D share: an LSTM whose products are convolutions, and whose states are images.</summary>
/// <remarks>
/// x [N,T,places,C], y [N,places,F], or [N,T,places,F] with ReturnSequences. kernel [4F,taps,C], recurrent_kernel [4F,taps,F] (Keras has the outputs last), bias
/// [4F]; gates i, f, c, o. The recurrent convolution keeps the places: stride 1, padding same. Inputs of all steps are convolved at once; the steps then run on the
/// tape's ops. Dropout: see <see cref="RecurrentUnits"/>. Matches Keras's ConvLSTM layers, channels last. Shi et al. 2015, arXiv:1506.04214 (without peepholes).
/// </remarks>
public abstract class ConvLSTM : RecurrentLayer
{
    private Parameter? _kernel, _recurrentKernel, _bias;

    private protected ConvLSTM(int filters) =>
        Filters = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A layer has one filter or more.");

    private protected ConvLSTM(JsonNode config)
        : base(config)
    {
        Filters = (int)config["filters"]!;
        Activation = Enum.Parse<Activation>((string)config["activation"]!);
        RecurrentActivation = Enum.Parse<Activation>((string)config["recurrent_activation"]!);
        UseBias = (bool)config["use_bias"]!;
        UnitForgetBias = (bool)config["unit_forget_bias"]!;
        Dropout = (float)config["dropout"]!;
        RecurrentDropout = (float)config["recurrent_dropout"]!;
        KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]);
        RecurrentRegularizer = Regularizer.Read(config["recurrent_regularizer"]);
        BiasRegularizer = Regularizer.Read(config["bias_regularizer"]);
    }

    /// <summary>Channels of the output and of both states.</summary>
    public int Filters { get; }

    /// <summary>Applied to the new value and to the cell's state.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;

    /// <summary>Applied to the gates i, f and o; files of Keras 2 have <see cref="Activation.HardSigmoidKeras2"/>, its default there.</summary>
    public Activation RecurrentActivation { get; init; } = Activation.Sigmoid;

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>True starts the bias of the forget gate at 1.</summary>
    public bool UnitForgetBias { get; init; } = true;

    /// <summary>Share of the inputs that is dropped in training, 0 to below 1.</summary>
    public float Dropout { get; init; }

    /// <summary>Share of the state that is dropped before its convolution in training, 0 to below 1.</summary>
    public float RecurrentDropout { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large recurrent kernel costs; null for nothing.</summary>
    public Regularizer? RecurrentRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    internal override int StateCount => 2;

    /// <summary>Extents of the filter.</summary>
    private protected abstract int[] Taps { get; }

    /// <summary>Shape of a convolved sample.</summary>
    private protected abstract Shape Convolved(Shape sample);

    /// <summary>The convolution of x [N,places,C]: as the settings say, or the recurrent one of stride 1 that keeps the places.</summary>
    private protected abstract Tensor Convolve(Tape tape, Tensor x, Tensor kernel, Tensor? bias, bool isRecurrent);

    internal override Shape[] StateShapes(Shape sequence) => sequence.Rank == Taps.Length + 2 && sequence[0] > 0
        ? [Convolved(sequence.Tail()), Convolved(sequence.Tail())]
        : throw new ShapeException($"takes sequences of {Taps.Length + 2} axes, [T,places,C], with a step or more, not {sequence}.");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape([4 * Filters, .. Taps, inputs[0][-1]]), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        _recurrentKernel = AddParameter("recurrent_kernel", new Shape([4 * Filters, .. Taps, Filters]), Initializers.Orthogonal, regularizer: RecurrentRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(4 * Filters), UnitForgetBias ? Initializers.ForgetBias : Initializers.Zeros, regularizer: BiasRegularizer);
    }

    internal override (Tensor Output, Tensor[] States) RunSteps(Tape tape, Tensor x, Tensor[] initial, Tensor? mask, StepOrder order, bool sequences)
    {
        int steps = x.Shape[1];
        Tensor projected = Projected(tape, x), recurrentKernel = Use(tape, _recurrentKernel!);
        Tensor? h = initial.Length == 0 ? null : initial[0], c = initial.Length == 0 ? null : initial[1], dropout = null;
        var outputs = new List<Tensor>();
        for (int step = 0; step < steps; step++)
        {
            int t = order.Backwards ? steps - 1 - step : step;
            Tensor z = Step(tape, projected, t);
            dropout ??= tape.Training && RecurrentDropout > 0 ? Draws(tape, RecurrentDropout, [x.Shape[0], .. z.Shape.Dims[1..^1], Filters]) : null;
            if (h is not null)
            {
                Tensor multiplied = dropout is null ? h : tape.Run(new BinaryOp(BinaryFormula.Multiply), h, dropout);
                z = Then(tape, z, new BinaryOp(BinaryFormula.Add), Convolve(tape, multiplied, recurrentKernel, null, isRecurrent: true));
            }
            (Tensor newH, Tensor newC) = Cell(tape, z, c);
            (h, c) = mask is null ? (newH, newC) : Masked(tape, Step(tape, mask, t), (newH, newC), (h, c));
            outputs.Add(h);
        }
        tape.Release(projected);
        if (!sequences)
            return (h!, [h!, c!]);
        if (order is { Backwards: true, Aligned: true })
            outputs.Reverse();
        return (tape.Run(new ConcatOp(1), [.. outputs.Select(y => tape.Run(new ReshapeOp([y.Shape[0], 1, .. y.Shape.Dims[1..]]), y))]), [h!, c!]);
    }

    /// <summary>The convolved inputs of all steps, [N,T,places,4F].</summary>
    private Tensor Projected(Tape tape, Tensor x)
    {
        int n = x.Shape[0], steps = x.Shape[1];
        if (tape.Training && Dropout > 0)
            x = tape.Run(new BinaryOp(BinaryFormula.Multiply), x, Draws(tape, Dropout, [n, 1, .. x.Shape.Dims[2..]]));
        Tensor folded = tape.Run(new ReshapeOp([n * steps, .. x.Shape.Dims[2..]]), x);
        Tensor y = Convolve(tape, folded, Use(tape, _kernel!), _bias is null ? null : Use(tape, _bias), isRecurrent: false);
        return Then(tape, y, new ReshapeOp([n, steps, .. y.Shape.Dims[1..]]));
    }

    private (Tensor H, Tensor C) Cell(Tape tape, Tensor z, Tensor? c)
    {
        Tensor Gate(int k, Activation activation) => activation.Apply(tape, tape.Run(new SliceOp(-1, k * Filters, Filters), z));
        Tensor i = Gate(0, RecurrentActivation), f = Gate(1, RecurrentActivation), value = Gate(2, Activation), o = Gate(3, RecurrentActivation);
        tape.Release(z);
        Tensor next = Then(tape, i, new BinaryOp(BinaryFormula.Multiply), value);
        if (c is not null)
            next = Then(tape, next, new BinaryOp(BinaryFormula.Add), Then(tape, f, new BinaryOp(BinaryFormula.Multiply), c));
        Tensor h = Then(tape, o, new BinaryOp(BinaryFormula.Multiply), Activation.Apply(tape, View(tape, next)));
        return (h, next);
    }

    /// <summary>New states where the step counts, else those before: before + m (new - before).</summary>
    private static (Tensor H, Tensor C) Masked(Tape tape, Tensor mask, (Tensor H, Tensor C) next, (Tensor? H, Tensor? C) before)
    {
        var shape = new int[next.H.Shape.Rank];
        Array.Fill(shape, 1);
        shape[0] = mask.Shape[0];
        Tensor m = tape.Run(new ReshapeOp(shape), mask);
        Tensor Chosen(Tensor next, Tensor? before)
        {
            if (before is null)
                return tape.Run(new BinaryOp(BinaryFormula.Multiply), next, m);
            Tensor change = tape.Run(new BinaryOp(BinaryFormula.Multiply), tape.Run(new BinaryOp(BinaryFormula.Subtract), next, before), m);
            return Then(tape, change, new BinaryOp(BinaryFormula.Add), before);
        }
        return (Chosen(next.H, before.H), Chosen(next.C, before.C));
    }

    private static Tensor Step(Tape tape, Tensor x, int t)
    {
        Tensor one = tape.Run(new SliceOp(1, t, 1), x);
        return Then(tape, one, new ReshapeOp([x.Shape[0], .. x.Shape.Dims[2..]]));
    }

    private static Tensor Draws(Tape tape, float rate, int[] shape) => tape.Run(new DropoutOp(rate, NextSeed(tape)), Filled(tape, new Shape(shape), 1));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["activation"] = Activation.ToString();
        config["recurrent_activation"] = RecurrentActivation.ToString();
        config["use_bias"] = UseBias;
        config["unit_forget_bias"] = UnitForgetBias;
        config["dropout"] = Dropout;
        config["recurrent_dropout"] = RecurrentDropout;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["recurrent_regularizer"] = Regularizer.Write(RecurrentRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What all recurrent layers share: steps in time, states before the first and behind the last, masks.</summary>
/// <remarks>
/// Inputs: the sequences [N,T,..], and, where they begin with other states than zeros, one input a state. Outputs: <see cref="ReturnSequences"/> [N,T,..], else the
/// last step [N,..]; with <see cref="ReturnState"/> then the states behind the last step, as <see cref="Node.Outputs"/>. A masked step leaves the states as they
/// were; its output is that of the step before, or zeros with <see cref="ZeroOutputForMask"/>. Matches keras.layers.RNN.
/// </remarks>
public abstract class RecurrentLayer : Layer
{
    private float[][]? _kept;
    private Shape? _keptFor;

    private protected RecurrentLayer()
    {
    }

    private protected RecurrentLayer(JsonNode config)
    {
        ReturnSequences = (bool)config["return_sequences"]!;
        ReturnState = (bool)config["return_state"]!;
        GoBackwards = (bool)config["go_backwards"]!;
        Stateful = (bool)config["stateful"]!;
        ZeroOutputForMask = (bool)config["zero_output_for_mask"]!;
    }

    /// <summary>True returns the output of every step, false that of the last.</summary>
    public bool ReturnSequences { get; init; }

    /// <summary>True returns the states behind the last step too.</summary>
    public bool ReturnState { get; init; }

    /// <summary>True reads the steps from the last to the first; outputs stand in the order in which they are computed.</summary>
    public bool GoBackwards { get; init; }

    /// <summary>True begins a batch with the states that the one before left, sample by sample, until <see cref="Model.ResetStates"/>.</summary>
    public bool Stateful { get; init; }

    /// <summary>True makes the outputs of masked steps zeros.</summary>
    public bool ZeroOutputForMask { get; init; }

    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    protected internal override bool IsDynamic => Stateful;

    /// <summary>Shape of each state, for a sample of the sequences.</summary>
    internal abstract Shape[] StateShapes(Shape sequence);

    /// <summary>Runs all steps.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">[N,T,..].</param>
    /// <param name="initial">The states before; none for zeros.</param>
    /// <param name="mask">[N,T], or null.</param>
    /// <param name="order">From which end to which.</param>
    /// <param name="sequences">True where the outputs of all steps are wanted.</param>
    /// <returns>All outputs [N,T,..], or the last [N,..], which may be a state; and the states behind the last step.</returns>
    internal abstract (Tensor Output, Tensor[] States) RunSteps(Tape tape, Tensor x, Tensor[] initial, Tensor? mask, StepOrder order, bool sequences);

    /// <summary>Shape of the output of one step.</summary>
    private protected virtual Shape StepShape(Shape sequence) => StateShapes(sequence)[0];

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => OutputShapes(inputs)[0];

    internal override Shape[] OutputShapes(ReadOnlySpan<Shape> inputs)
    {
        Shape[] states = StateShapes(inputs[0]);
        for (int i = 1; i < inputs.Length; i++)
        {
            if (!inputs[i].Equals(states[i - 1]))
                throw new ShapeException($"initial state {i - 1} has shape {inputs[i]}; sequences {inputs[0]} take {states[i - 1]}.");
        }
        Shape step = StepShape(inputs[0]), output = ReturnSequences ? step.Prepend(inputs[0][0]) : step;
        return ReturnState ? [output, .. states] : [output];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        (Tensor output, Tensor[] states) = Run(tape, inputs[0], MaskedTensor.Values(inputs[1..]), aligned: false, ZeroOutputForMask);
        Tensor? mask = ReturnSequences ? inputs[0].Mask : null;
        return ReturnState ? [new(output, mask), .. states.Select(s => new MaskedTensor(s))] : [new(output, mask)];
    }

    /// <summary>The output as the settings have it, and the states.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">The sequences.</param>
    /// <param name="initial">States before the first step; none for zeros, or for what a stateful layer has kept.</param>
    /// <param name="aligned">See <see cref="StepOrder"/>.</param>
    /// <param name="zeroMasked">The outputs of masked steps are zeros, where all are returned.</param>
    internal (Tensor Output, Tensor[] States) Run(Tape tape, MaskedTensor x, Tensor[] initial, bool aligned, bool zeroMasked)
    {
        if (initial.Length == 0 && Stateful)
            initial = Kept(tape, x.Value.Shape);
        (Tensor output, Tensor[] states) = RunSteps(tape, x.Value, initial, x.Mask, new StepOrder(GoBackwards, aligned), ReturnSequences);
        if (Stateful && tape.Trace is null)
            (_kept, _keptFor) = (Array.ConvertAll(states, s => s.ToArray()), x.Value.Shape);
        if (!ReturnSequences)
            return (ReturnState ? View(tape, output) : output, states);
        if (zeroMasked && x.Mask is { } mask)
            output = Zeroed(tape, output, GoBackwards && !aligned ? Reverse.Along(tape, mask, 1) : mask);
        return (output, states);
    }

    internal override void ResetStates() => _kept = null;

    internal override Action KeepStates()
    {
        (float[][]? kept, Shape? keptFor) = (_kept, _keptFor);
        return () => (_kept, _keptFor) = (kept, keptFor);
    }

    /// <summary>A layer like this one, with weights of its own, that goes the other way.</summary>
    internal RecurrentLayer Turned()
    {
        var config = new JsonObject();
        WriteConfig(config);
        config["go_backwards"] = !GoBackwards;
        var turned = (RecurrentLayer)LayerCatalog.Create(ClassName, config)!;
        turned.TakeInitializers(this);
        return turned;
    }

    /// <summary>Takes over what a config does not hold.</summary>
    private protected virtual void TakeInitializers(RecurrentLayer from)
    {
    }

    private protected override bool Takes(int inputs) => inputs >= 1 && (inputs == 1 || inputs == 1 + StateCount);

    private protected override string InputNames => $"the sequences alone, or with {StateCount} initial states";

    /// <summary>Number of states.</summary>
    internal abstract int StateCount { get; }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["return_sequences"] = ReturnSequences;
        config["return_state"] = ReturnState;
        config["go_backwards"] = GoBackwards;
        config["stateful"] = Stateful;
        config["zero_output_for_mask"] = ZeroOutputForMask;
    }

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => built[0][-1] == inputs[0][-1];

    private protected static Tensor View(Tape tape, Tensor x) => tape.Run(new ReshapeOp([.. x.Shape]), x);

    private static Tensor Zeroed(Tape tape, Tensor outputs, Tensor mask)
    {
        var shape = new int[outputs.Shape.Rank];
        Array.Fill(shape, 1);
        (shape[0], shape[1]) = (mask.Shape[0], mask.Shape[1]);
        return Then(tape, outputs, new BinaryOp(BinaryFormula.Multiply), tape.Run(new ReshapeOp(shape), mask));
    }

    private Tensor[] Kept(Tape tape, Shape x)
    {
        if (_kept is null)
            return [];
        if (x[0] != _keptFor![0])
            throw new GraftException($"{ClassName} '{Name}' is stateful: the batch before had {_keptFor[0]} sequences, this one {x[0]}. Keep the batch size, or call ResetStates() between.");
        Shape[] shapes = StateShapes(x.Tail());
        return [.. _kept.Select((s, i) => tape.Constant(shapes[i].Prepend(x[0]), s))]; // copies: backward reads them after the new states are kept
    }
}

/// <summary>The order of a recurrent layer's steps.</summary>
/// <param name="Backwards">From the last input to the first.</param>
/// <param name="Aligned">Outputs stand where their inputs do; else in the order in which they are computed.</param>
internal readonly record struct StepOrder(bool Backwards, bool Aligned);

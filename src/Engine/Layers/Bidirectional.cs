using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>How <see cref="Bidirectional"/> joins the outputs of its two layers.</summary>
public enum MergeMode
{
    /// <summary>One behind the other in the last axis.</summary>
    Concat,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their product.</summary>
    Mul,

    /// <summary>Their mean.</summary>
    Ave,

    /// <summary>Not at all: two outputs, <see cref="Node.Outputs"/>.</summary>
    None,
}

/// <summary>A recurrent layer from the first step to the last, and one from the last to the first. Matches Keras's Bidirectional.</summary>
/// <remarks>
/// With ReturnSequences, output t belongs to input t on both sides, and masked steps are zeros, as since TensorFlow 2. Initial states: those of the forward layer,
/// then of the backward layer; so are the states returned. Parameters: the forward layer's, then the backward layer's: "bidirectional/forward_lstm/kernel".
/// Schuster and Paliwal 1997.
/// </remarks>
public sealed class Bidirectional : Layer
{
    private readonly RecurrentLayer[] _inner;

    /// <param name="layer">The forward layer, not built yet; it is named "forward_" and its name.</param>
    /// <param name="backwardLayer">The backward layer; null for one like the forward layer, with weights of its own.</param>
    /// <exception cref="GraftException">Both go the same way, or differ in what they return.</exception>
    public Bidirectional(RecurrentLayer layer, RecurrentLayer? backwardLayer = null)
    {
        _inner = [layer, backwardLayer ?? layer.Turned()];
        if (Forwards.GoBackwards == Backwards.GoBackwards)
            throw new GraftException($"Bidirectional: both layers go {(Forwards.GoBackwards ? "backwards" : "forwards")}; one of them sets GoBackwards.");
        if (Forwards.ReturnSequences != Backwards.ReturnSequences || Forwards.ReturnState != Backwards.ReturnState || Forwards.Stateful != Backwards.Stateful)
            throw new GraftException("Bidirectional: its layers differ in ReturnSequences, ReturnState or Stateful; both have the same.");
        string name = Without("forward_", LayerNames.Of(layer));
        if (backwardLayer is null || Backwards.Name.Length == 0)
            Backwards.Name = $"backward_{name}";
        Forwards.Name = $"forward_{name}";
    }

    /// <summary>How the outputs are joined.</summary>
    public MergeMode MergeMode { get; init; }

    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Layer> Inner => _inner;

    private RecurrentLayer Forwards => _inner[0];

    private RecurrentLayer Backwards => _inner[1];

    private protected override bool Takes(int inputs) => inputs == 1 || inputs == 1 + Forwards.StateCount + Backwards.StateCount;

    private protected override string InputNames => $"the sequences alone, or with {Forwards.StateCount + Backwards.StateCount} initial states";

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => OutputShapes(inputs)[0];

    internal override Shape[] OutputShapes(ReadOnlySpan<Shape> inputs)
    {
        Shape[] forwards = Forwards.OutputShapes([inputs[0], .. inputs.Length > 1 ? inputs.Slice(1, Forwards.StateCount) : []]);
        Shape[] backwards = Backwards.OutputShapes([inputs[0], .. inputs.Length > 1 ? inputs[(1 + Forwards.StateCount)..] : []]);
        Shape[] states = [.. forwards[1..], .. backwards[1..]];
        if (MergeMode == MergeMode.None)
            return [forwards[0], backwards[0], .. states];
        if (MergeMode == MergeMode.Concat)
            return [new ConcatOp(-1).InferShape([forwards[0], backwards[0]]), .. states];
        return forwards[0].Equals(backwards[0]) ? [forwards[0], .. states]
            : throw new ShapeException($"{MergeMode} joins outputs of one shape, not {forwards[0]} and {backwards[0]}.");
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        foreach (RecurrentLayer layer in _inner)
            layer.Build([inputs[0]]);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        bool sequences = Forwards.ReturnSequences;
        Tensor[] initial = MaskedTensor.Values(inputs[1..]);
        int forwardStates = Math.Min(initial.Length, Forwards.StateCount);
        // Keras: masked steps of either side are zeros before they are joined.
        (Tensor there, Tensor[] statesThere) = Forwards.Run(tape, inputs[0], initial[..forwardStates], aligned: false, zeroMasked: sequences);
        (Tensor back, Tensor[] statesBack) = Backwards.Run(tape, inputs[0], initial[forwardStates..], aligned: Backwards.GoBackwards, zeroMasked: sequences);
        if (sequences && !Backwards.GoBackwards)
            back = Reverse.Along(tape, back, 1); // the layers were given the other way round: Keras turns the second one's outputs, whatever it is
        Tensor? mask = sequences ? inputs[0].Mask : null;
        IEnumerable<MaskedTensor> outputs = Joined(tape, there, back).Select(y => new MaskedTensor(y, mask));
        return Forwards.ReturnState ? [.. outputs, .. statesThere.Concat(statesBack).Select(s => new MaskedTensor(s))] : [.. outputs];
    }

    private Tensor[] Joined(Tape tape, Tensor there, Tensor back)
    {
        if (MergeMode == MergeMode.None)
            return [there, back];
        Op op = MergeMode switch
        {
            MergeMode.Concat => new ConcatOp(-1),
            MergeMode.Mul => new BinaryOp(BinaryFormula.Multiply),
            _ => new BinaryOp(BinaryFormula.Add),
        };
        Tensor y = tape.Run(op, there, back);
        tape.Release(there);
        tape.Release(back);
        return [MergeMode == MergeMode.Ave ? Then(tape, y, new UnaryOp(UnaryFormula.Scale, 0.5f)) : y];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["merge_mode"] = MergeMode.ToString();
        config["layer"] = GraphJson.WriteLayer(Forwards);
        config["backward_layer"] = GraphJson.WriteLayer(Backwards);
    }

    internal static Layer Read(JsonNode config) => new Bidirectional((RecurrentLayer)GraphJson.ReadLayer(config["layer"]!), (RecurrentLayer)GraphJson.ReadLayer(config["backward_layer"]!))
    {
        MergeMode = Enum.Parse<MergeMode>((string)config["merge_mode"]!),
    };

    private static string Without(string prefix, string name) => name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
}

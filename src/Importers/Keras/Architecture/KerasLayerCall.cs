using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>One use of a layer: brings its inputs into the order it wants and says which order its outputs are in.</summary>
internal sealed class KerasLayerCall(KerasBuildContext context, KerasBuiltLayer built, ChannelMoves moves, Func<string, string> free)
{
    // Work on one number at a time, whatever the order of the axes.
    private static readonly string[] s_pointwise =
    [
        "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "Identity", "LeakyReLU", "ReLU", "Rescaling", "ThresholdedReLU",
    ];

    private static readonly string[] s_joins = ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"];

    private readonly KerasLayerConfig _config = built.Config!;

    private string Kind => KerasLayers.Plain(built.Spec.ClassName);

    /// <summary>Puts the layer into the graph once.</summary>
    public KerasTensor[] Run(KerasTensor[] inputs, KerasCall call)
    {
        CheckArguments(call);
        _config.Call ??= call;
        if (built.Spec.Module.StartsWith("keras.src.ops", StringComparison.Ordinal) || built.Spec.Module.StartsWith("keras.ops", StringComparison.Ordinal) || KerasOperations.Is(built.Spec.ClassName))
            return Operation(inputs, call);
        KerasTensor[] outputs = Kind switch
        {
            "BatchNormalization" or "GroupNormalization" => Normalization(inputs[0]),
            "Concatenate" when built.Layer is null || built.Layer is Concatenate => Concatenation(inputs),
            _ when _config.ChannelsFirst => ChannelsFirst(inputs),
            "Bidirectional" when _config.Inner("layer").ChannelsFirst => RecurrentChannelsFirst(inputs),
            _ when s_pointwise.Contains(Kind) && !IsOverAxis => [.. Applied(inputs[0].Node).Select(o => new KerasTensor(o, inputs[0].IsMoved))],
            _ when s_joins.Contains(Kind) && inputs.All(i => i.IsMoved) && inputs.All(i => i.Shape.Rank == inputs[0].Shape.Rank) =>
                [.. Applied([.. inputs.Select(i => i.Node)]).Select(o => new KerasTensor(o, IsMoved: true))],
            _ => [.. Applied([.. inputs.Select(moves.Plain)]).Select(o => new KerasTensor(o))],
        };
        return Behind(outputs);
    }

    private bool IsOverAxis => _config.Json("activation")?.ToString() is "softmax" or "log_softmax" or "sparsemax" or "glu";

    private IReadOnlyList<Node> Applied(params Node[] inputs) => Layer().Apply(inputs).Outputs;

    /// <summary>The layer, made at its first use.</summary>
    private Layer Layer(Func<Layer>? make = null)
    {
        if (built.Layer is { } there)
            return there;
        Layer layer = make?.Invoke() ?? KerasLayers.Create(_config, context.Registered) ?? throw Unknown();
        layer.Name = built.Spec.Name;
        if (!_config.IsTrainable)
            layer.Trainable = false; // else a wrapper's inner layer keeps its own flag
        context.Notes.AddRange(_config.TrainingNotes());
        _config.CheckAllRead();
        return built.Layer = layer;
    }

    private KerasTensor[] ChannelsFirst(KerasTensor[] inputs)
    {
        if (Kind.StartsWith("ConvLSTM", StringComparison.Ordinal))
            return RecurrentChannelsFirst(inputs);
        IReadOnlyList<Node> outputs = Applied([.. inputs.Select(moves.Moved)]);
        return [.. outputs.Select(o => new KerasTensor(o, IsMoved: Kind != "Flatten" && o.Shape.Rank > 1))];
    }

    // Sequences of images: the channels come behind the steps. States, and the last output, are images.
    private KerasTensor[] RecurrentChannelsFirst(KerasTensor[] inputs)
    {
        Node sequence = moves.Plain(inputs[0]);
        var move = new AxisMove(sequence.Shape.Rank, 2);
        Node there = new Permute(move.There) { Name = free($"{built.Spec.Name}/channels_last") }.Apply(sequence);
        IReadOnlyList<Node> outputs = Applied([there, .. inputs.Skip(1).Select(moves.Moved)]);
        KerasTensor[] results = [.. outputs.Select(o => o.Shape.Rank == there.Shape.Rank
            ? new KerasTensor(new Permute(move.Back) { Name = free($"{built.Spec.Name}/channels_first") }.Apply(o)) : new KerasTensor(o, IsMoved: true))];
        if (Kind != "Bidirectional" || _config.Text("merge_mode", "none") != "concat")
            return results;
        Node both = new Concatenate(-1) { Name = free($"{built.Spec.Name}/concat") }.Apply(moves.Plain(results[0]), moves.Plain(results[1]));
        return [new KerasTensor(both), .. results[2..]];
    }

    // The axis that has statistics is brought to the end.
    private KerasTensor[] Normalization(KerasTensor input)
    {
        int rank = input.Shape.Rank, axis = Axis(rank, missing: _config.ChannelsFirst ? 1 : -1);
        if (axis == rank)
            return [new KerasTensor(Applied(moves.Plain(input))[0])];
        if (axis == 1)
            return [new KerasTensor(Applied(moves.Moved(input))[0], IsMoved: true)];
        AxisMove move = new(rank, axis);
        Node there = new Permute(move.There) { Name = free($"{built.Spec.Name}/axis_last") }.Apply(moves.Plain(input));
        return [new KerasTensor(new Permute(move.Back) { Name = free($"{built.Spec.Name}/axis_back") }.Apply(Applied(there)[0]))];
    }

    private KerasTensor[] Concatenation(KerasTensor[] inputs)
    {
        int rank = inputs[0].Shape.Rank, axis = Axis(rank, missing: -1);
        bool moved = built.Layer is null && inputs.All(i => i.IsMoved);
        Layer(() => new Concatenate(!moved ? axis : axis == 1 ? rank : axis - 1));
        return [new KerasTensor(Applied([.. inputs.Select(i => moved ? moves.Moved(i) : moves.Plain(i))])[0], moved)];
    }

    /// <summary>The attribute "axis" as a number from 1 to the rank of a sample.</summary>
    private int Axis(int rank, int missing)
    {
        int[] axes = _config.Integers("axis", [missing]);
        int axis = axes.Length == 1 ? axes[0] : throw _config.Refuse("axis", "several axes with statistics of their own are not built here", "Take one axis");
        if (axis < 0)
            axis += rank + 1;
        return axis >= 1 && axis <= rank ? axis : throw _config.Refuse("axis", $"is not one of the axes 1 to {rank} of a sample", "The axis of samples cannot be taken");
    }

    private KerasTensor[] Behind(KerasTensor[] outputs)
    {
        if (_config.Behind is not { } behind)
            return outputs;
        if (behind.Name.Length == 0)
            behind.Name = free($"{built.Spec.Name}/activation");
        outputs[0] = new KerasTensor(behind.Apply(moves.Plain(outputs[0])));
        return outputs;
    }

    private KerasTensor[] Operation(KerasTensor[] inputs, KerasCall call)
    {
        Layer layer = Layer(() => KerasOperations.Create(_config, call, [.. inputs.Select(i => i.Shape)], context.Registered));
        return [.. layer.Apply([.. inputs.Select(moves.Plain)]).Outputs.Select(o => new KerasTensor(o))];
    }

    private void CheckArguments(KerasCall call)
    {
        foreach ((string name, object? value) in call.Named)
        {
            if (name == "training" && value is JsonValue flag && flag.GetValueKind() == JsonValueKind.True && IsOtherInTraining && !IsToldByModel)
                throw new GraftException($"{context.Source}: layer '{built.Path}' ({built.Spec.ClassName}) is called with training = true: it behaves as in training at all times, which is not built here. Call it without in Keras and save the model anew.");
            if (name.EndsWith("mask", StringComparison.Ordinal) && KerasCall.References(value).Any())
                throw new GraftException($"{context.Source}: layer '{built.Path}' ({built.Spec.ClassName}) is called with a mask of the graph's own; masks here come from Masking and Embedding (mask_zero) alone. Use one of these in Keras.");
        }
    }

    private bool IsOtherInTraining => Kind is "BatchNormalization" || Kind.EndsWith("Dropout", StringComparison.Ordinal) || Kind.StartsWith("Random", StringComparison.Ordinal) || Kind == "GaussianNoise";

    // Keras 3 writes down that its random layers train unless they are told otherwise; a functional model tells them.
    private bool IsToldByModel => context.Generation >= 3 && Kind.StartsWith("Random", StringComparison.Ordinal);

    private GraftException Unknown()
    {
        string kind = built.Spec.ClassName, name = built.Path;
        const string Register = "KerasImport.Register(\"{0}\", config => ...) puts a layer of your own in its place";
        string mend = string.Format(System.Globalization.CultureInfo.InvariantCulture, Register, built.Spec.Name);
        if (kind == "Lambda")
            return new GraftException($"{context.Source}: layer '{name}' (Lambda) is Python bytecode, which is never run here. {mend}; or build it of layers in Keras and save the model anew.");
        string nearest = KerasLayers.Known.MinBy(k => NameDistance.Between(k, kind)) ?? "";
        return new GraftException($"{context.Source}: layer '{name}' is of class '{kind}', which is not known here (the nearest that is known is {nearest}). {mend}.");
    }
}

/// <summary>An order of a sample's axes with one of them last.</summary>
internal sealed record AxisMove(int Rank, int Axis)
{
    /// <summary>For each new axis, the old one, from 1.</summary>
    public int[] There => [.. Enumerable.Range(1, Rank).Where(a => a != Axis), Axis];

    /// <summary>The way back.</summary>
    public int[] Back => [.. Enumerable.Range(1, Rank).Select(a => Array.IndexOf(There, a) + 1)];
}

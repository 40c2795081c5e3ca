using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>A layer of the file and what was built for it.</summary>
/// <param name="Spec">The layer in the file.</param>
/// <param name="Path">Its path: "base/conv1".</param>
internal sealed record KerasBuiltLayer(KerasLayerSpec Spec, string Path)
{
    /// <summary>The attributes; null for a nested model.</summary>
    public KerasLayerConfig? Config { get; init; }

    /// <summary>The layer here; null for a nested model that was not called.</summary>
    public Layer? Layer { get; set; }

    /// <summary>Layers of a nested model, in the file's order.</summary>
    public IReadOnlyList<KerasBuiltLayer> Inner { get; set; } = [];

    /// <summary>This layer, or those of the nested model and of the models in it, in the file's order.</summary>
    public IEnumerable<KerasBuiltLayer> Leaves => Spec.Nested is null ? [this] : Inner.SelectMany(i => i.Leaves);
}

/// <summary>Builds this engine's graph of a model in Keras's JSON.</summary>
/// <param name="context">What is the same for all models of a file.</param>
/// <param name="spec">The model.</param>
/// <param name="path">Path of the models around it, with a slash behind; empty for the outermost.</param>
internal sealed class KerasGraph(KerasBuildContext context, KerasModelSpec spec, string path = "")
{
    private readonly Dictionary<(string Layer, int Call), KerasTensor[]> _results = [];
    private readonly Dictionary<string, KerasBuiltLayer> _built = [];
    private readonly HashSet<string> _names = [.. spec.Layers.Select(l => l.Name)];
    private ChannelMoves? _moves;

    private ChannelMoves Moves => _moves ??= new ChannelMoves(Free);

    /// <summary>The layers, in the file's order.</summary>
    public IReadOnlyList<KerasBuiltLayer> Layers => [.. spec.Layers.Where(l => _built.ContainsKey(l.Name)).Select(l => _built[l.Name])];

    /// <summary>Builds the model.</summary>
    /// <param name="given">Shape of each input without the batch axis, null where the file's own is taken.</param>
    /// <exception cref="GraftException">A layer cannot be built: it is named, and how to mend it.</exception>
    public Model Build(IReadOnlyList<Shape?> given)
    {
        string? twice = spec.Layers.GroupBy(l => l.Name).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (twice is not null)
            throw new GraftException($"{context.Source}: two layers of model '{spec.Name}' are named '{twice}'; the file is damaged.");
        return spec.IsSequential ? Sequential(given.Count > 0 ? given[0] : null) : Functional(given);
    }

    private Model Functional(IReadOnlyList<Shape?> given)
    {
        if (spec.Inputs.Count == 0 || spec.Outputs.Count == 0)
            throw new GraftException($"{context.Source}: model '{spec.Name}' has no inputs or no outputs; the file is damaged.");
        Node[] inputs = new Node[spec.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            KerasLayerSpec layer = Spec(spec.Inputs[i].Layer);
            inputs[i] = Node.Input(KerasInputs.Resolved(context.Source, layer, layer.SampleShape, i < given.Count ? given[i] : null), layer.Name);
            _results[(layer.Name, 0)] = [new KerasTensor(inputs[i])];
        }
        RunAll();
        return new Model(inputs, spec.Outputs.Select(o => Moves.Plain(Result(AsRead(o), spec.Name))), spec.Name);
    }

    /// <summary>Every use of every layer, as soon as what it reads is there.</summary>
    private void RunAll()
    {
        List<(KerasLayerSpec Layer, int Call)> waiting = [.. spec.Layers.SelectMany(l => l.Calls.Select((_, i) => (l, i))).Where(c => !_results.ContainsKey((c.l.Name, c.i)))];
        while (waiting.Count > 0)
        {
            int before = waiting.Count;
            waiting.RemoveAll(c => TryRun(c.Layer, c.Call));
            if (waiting.Count == before)
            {
                (KerasLayerSpec stuck, int call) = waiting[0];
                throw new GraftException($"{context.Source}: layer '{stuck.Name}' ({stuck.ClassName}) reads {string.Join(", ", stuck.Calls[call].Tensors.Select(t => $"'{t.Layer}'"))}, which no input leads to; the file is damaged.");
            }
        }
    }

    private bool TryRun(KerasLayerSpec layer, int index)
    {
        KerasCall call = layer.Calls[index];
        if (!call.Tensors.All(t => _results.ContainsKey((t.Layer, CallOf(t)))))
            return false;
        _results[(layer.Name, index)] = Run(layer, call);
        return true;
    }

    private Model Sequential(Shape? given)
    {
        KerasLayerSpec? first = spec.Layers.Count > 0 ? spec.Layers[0] : null;
        if (first is null)
            throw new GraftException($"{context.Source}: model '{spec.Name}' has no layers.");
        int?[]? shape = first.SampleShape ?? (first.Nested is { } inner ? KerasInputs.Of(inner) : null) ?? spec.BuiltFor?[1..] ?? first.BuiltFor?[1..];
        Node input = Node.Input(KerasInputs.Resolved(context.Source, first, shape, given), first.ClassName == "InputLayer" ? first.Name : "");
        KerasTensor[] last = [new KerasTensor(input)];
        foreach (KerasLayerSpec layer in spec.Layers.Where(l => l.ClassName != "InputLayer"))
            last = Run(layer, new KerasCall([], new Dictionary<string, object?>()), last);
        Node output = Moves.Plain(last[0]);
        return Chain(input, output) is { } chain ? Added(chain, input) : new Model(input, output, spec.Name);
    }

    /// <summary>The layers between two nodes where each reads the one before alone; null where it is otherwise.</summary>
    private static List<Layer>? Chain(Node input, Node output)
    {
        var chain = new List<Layer>();
        for (Node node = output; node != input; node = node.Inputs[0])
        {
            if (node.Inputs.Count != 1 || node.Index != 0 || chain.Contains(node.Layer))
                return null;
            chain.Insert(0, node.Layer);
        }
        return chain;
    }

    private Sequential Added(List<Layer> chain, Node input)
    {
        var model = new Sequential(input.Layer.Name, input.Shape) { Name = spec.Name };
        foreach (Layer layer in chain)
            model.Add(layer);
        return model;
    }

    private KerasTensor[] Run(KerasLayerSpec layer, KerasCall call, KerasTensor[]? sequential = null)
    {
        KerasTensor[] inputs = sequential ?? [.. call.Tensors.Select(t => Result(t, layer.Name))];
        try
        {
            if (layer.Nested is not null)
                return RunNested(layer, [.. inputs.Select(Moves.Plain)]);
            KerasBuiltLayer built = Built(layer);
            return new KerasLayerCall(context, built, Moves, Free).Run(inputs, call);
        }
        catch (ShapeException e)
        {
            throw new GraftException($"{context.Source}: layer '{path}{layer.Name}' ({layer.ClassName}) cannot take {string.Join(", ", inputs.Select(i => $"{i.Shape}"))}: {e.Message}", e);
        }
    }

    private KerasTensor[] RunNested(KerasLayerSpec layer, Node[] inputs)
    {
        if (!_built.TryGetValue(layer.Name, out KerasBuiltLayer? built))
        {
            var inner = new KerasGraph(context, layer.Nested!, $"{path}{layer.Name}/");
            bool eachStep = layer.ClassName == "TimeDistributed";
            Model model = inner.Build([.. inputs.Select(i => eachStep && i.Shape.Rank > 0 ? i.Shape.Tail() : i.Shape)]);
            model.Name = eachStep ? layer.Nested!.Name : layer.Name;
            _built[layer.Name] = built = new KerasBuiltLayer(layer, path + layer.Name) { Layer = eachStep ? new TimeDistributed(model) { Name = layer.Name } : model, Inner = inner.Layers };
        }
        return [.. built.Layer!.Apply(inputs).Outputs.Select(o => new KerasTensor(o))];
    }

    private KerasBuiltLayer Built(KerasLayerSpec layer)
    {
        if (_built.TryGetValue(layer.Name, out KerasBuiltLayer? built))
            return built;
        KerasLayerConfig config = new(path + layer.Name, layer.ClassName, layer.Config, context.Generation, context.Source, layer.Module);
        return _built[layer.Name] = new KerasBuiltLayer(layer, path + layer.Name) { Config = config };
    }

    private KerasLayerSpec Spec(string name) => spec.Layers.FirstOrDefault(l => l.Name == name)
        ?? throw new GraftException($"{context.Source}: model '{spec.Name}' refers to a layer '{name}' that it does not have; the file is damaged.");

    private KerasTensor Result(KerasTensorReference reference, string reader)
    {
        KerasTensor[] results = _results.GetValueOrDefault((reference.Layer, CallOf(reference)))
            ?? throw new GraftException($"{context.Source}: '{reader}' reads use {reference.Call} of layer '{reference.Layer}', which is not there; the file is damaged.");
        return reference.Output >= 0 && reference.Output < results.Length ? results[reference.Output]
            : throw new GraftException($"{context.Source}: '{reader}' reads output {reference.Output} of layer '{reference.Layer}', which gives {results.Length} output(s).");
    }

    /// <summary>
    /// Which of the listed uses a reference means. Keras counts the use by which a nested model was defined as the first of its uses, and does not
    /// list it: where use 0 is never read, the others are counted from 1.
    /// </summary>
    private int CallOf(KerasTensorReference reference)
    {
        if (context.Generation >= 3 && Spec(reference.Layer).Nested is not null)
            return reference.Call; // counted from 0 where a layer reads it; AsRead, where it is an output
        if (!context.FirstCalls.TryGetValue((spec, reference.Layer), out int first))
        {
            int[] read = [.. spec.Layers.SelectMany(l => l.Calls).SelectMany(c => c.Tensors).Concat(spec.Outputs).Concat(spec.Inputs).Where(t => t.Layer == reference.Layer).Select(t => t.Call)];
            KerasLayerSpec layer = Spec(reference.Layer);
            bool counted = layer.Nested is not null ? read.Min() > 0 : read.Max() >= Math.Max(1, layer.Calls.Count);
            context.FirstCalls[(spec, reference.Layer)] = first = counted ? read.Min() : 0;
        }
        return reference.Call - first;
    }

    /// <summary>An output as layers would read it: Keras 3 counts the uses of functional models from 1 there, and from 0 elsewhere.</summary>
    private KerasTensorReference AsRead(KerasTensorReference output) =>
        context.Generation >= 3 && output.Call > 0 && Spec(output.Layer) is { Nested.IsSequential: false, ClassName: not "TimeDistributed" } ? output with { Call = output.Call - 1 } : output;

    private string Free(string stem)
    {
        string name = stem;
        for (int i = 1; !_names.Add(name); i++)
            name = $"{stem}_{i}";
        return name;
    }
}

/// <summary>What is the same for all models of a file that are being built.</summary>
/// <param name="Source">The file, for errors.</param>
/// <param name="Generation">1, 2 or 3.</param>
/// <param name="Registered">Layers that stand in for classes or single layers of the file.</param>
internal sealed record KerasBuildContext(string Source, int Generation, IReadOnlyDictionary<string, Func<KerasLayerConfig, Layer>> Registered)
{
    /// <summary>What was left out, for the user.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>The number that the first listed use of a layer has in references.</summary>
    public Dictionary<(KerasModelSpec Model, string Layer), int> FirstCalls { get; } = [];
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Inference;
using Graft.Layers;

namespace Graft;

/// <summary>
/// A graph of layers, from input nodes to output nodes, as Keras's functional API builds it. A model is a layer too: put
/// into another model it keeps its name, its layers and its Trainable flags.
/// </summary>
public partial class Model : Layer
{
    private const string UsualModelName = "model";

    private Node[] _order = [];
    private List<Layer> _layers = [];
    private IReadOnlyList<Parameter>? _parameters;
    private int _listed; // the revision that _parameters is of
    private ModelPlans? _plans;
    private Dictionary<Node, NormalizedActivation>? _normalized;
    private bool _hasOwnSeed;

    /// <summary>
    /// A model from the nodes its inputs enter at to the nodes whose results it returns. One that begins at an inner node of a graph, as the decoder of an autoencoder does, gets an input there
    /// and shares the layers behind it; a mask ends there.
    /// </summary>
    /// <exception cref="GraftException">An input that the outputs need is not listed, an input is listed twice, there is no output, or two layers share a name.</exception>
    public Model(IEnumerable<Node> inputs, IEnumerable<Node> outputs, string name = UsualModelName)
    {
        Name = name;
        (Node[] entries, Node[] results) = GraphCut.Of([.. inputs], [.. outputs]);
        SetGraph(entries, results);
    }

    /// <summary>A model with one input and one output.</summary>
    /// <inheritdoc cref="Model(IEnumerable{Node}, IEnumerable{Node}, string)"/>
    public Model(Node input, Node output, string name = UsualModelName)
        : this([input], [output], name)
    {
    }

    private protected Model()
    {
    }

    /// <summary>The input nodes.</summary>
    public IReadOnlyList<Node> Inputs { get; private set; } = [];

    /// <summary>The output nodes.</summary>
    public IReadOnlyList<Node> Outputs { get; private set; } = [];

    /// <summary>All nodes, each after those it reads.</summary>
    public IReadOnlyList<Node> Nodes => _order;

    /// <summary>The layers, in the order of their first node, without those inside nested models.</summary>
    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>Names of the classes, labels or numbers that the outputs stand for; empty where they have none. <see cref="OutputKind"/> says which.</summary>
    public IReadOnlyList<string> ClassNames { get; set; } = [];

    /// <summary>What the outputs stand for, as the labels of <see cref="Fit"/> had it; null where nobody said.</summary>
    public OutputKind? OutputKind { get; set; }

    /// <summary>
    /// How Predict, Evaluate and the frozen part of Fit compute: by compiled plans unless this says otherwise. Setting it drops the plans there are.
    /// </summary>
    public PlanOptions PlanOptions
    {
        get => Plans.Options;
        set => Plans.Options = value;
    }

    // Threads that come at once get the same: its lock is what keeps them apart.
    internal ModelPlans Plans => _plans ?? Interlocked.CompareExchange(ref _plans, new ModelPlans(this), null) ?? _plans;

    /// <inheritdoc/>
    public override int InputCount => Inputs.Count;

    /// <summary>The parameters of all layers, nested models included, in the order of the layers.</summary>
    public override IReadOnlyList<Parameter> Parameters
    {
        get
        {
            int revision = Revision;
            if (_parameters is null || _listed != revision)
                (_parameters, _listed) = ([.. _layers.SelectMany(l => l.Parameters)], revision);
            return _parameters;
        }
    }

    /// <summary>Every parameter with its path: "base/conv1/kernel".</summary>
    public IEnumerable<(string Path, Parameter Parameter)> NamedParameters() => _layers.SelectMany(Named);

    private static IEnumerable<(string Path, Parameter Parameter)> Named(Layer layer) =>
        layer.OwnParameters.Select(p => ($"{layer.Name}/{p.Name}", p)).Concat(layer.Inner.SelectMany(Named).Select(p => ($"{layer.Name}/{p.Path}", p.Parameter)));

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Layer> Inner => _layers;

    internal override bool IsUnnamed => base.IsUnnamed || (!IsInGraph && Name is UsualModelName or Sequential.UsualName);

    private protected override int SeedOfInner(int seed) => seed; // their names are the user's

    /// <summary>In another graph a model draws by its own name too: two that are built alike begin with different weights.</summary>
    internal override void TakeSeed(int seed)
    {
        if (!_hasOwnSeed)
            Seed = RandomSeed.Of(seed, Name);
    }

    /// <summary>What PyTorch's model calls the module of a layer, whose path "base/conv" is given.</summary>
    internal virtual string ModuleName(string layer) => layer.Replace('/', '.');

    /// <summary>True where that module keeps its weight as [in,out], as transformers' Conv1D does; PyTorch's Linear has [out,in].</summary>
    internal virtual bool IsConv1D(string layer) => false;

    /// <summary>Sets the seed that new parameters are drawn from; call it before the first use. A model inside another keeps a seed of its own.</summary>
    public void SetSeed(int seed)
    {
        _hasOwnSeed = true;
        Seed = seed;
    }

    /// <summary>Where the parameters are.</summary>
    public Device Device => Parameters.Count > 0 ? Parameters[0].Device : Device.Default;

    /// <summary>Moves all parameters to a device. Where it has no memory for them, all stay where they are.</summary>
    /// <exception cref="Kernels.Cuda.CudaOutOfMemoryException">A GPU has no memory for them.</exception>
    public virtual void MoveTo(Device device)
    {
        _plans?.Dispose();
        Device before = Device;
        try
        {
            foreach (Parameter p in Parameters)
                p.MoveTo(device);
        }
        catch
        {
            foreach (Parameter p in Parameters)
                p.MoveTo(before);
            throw;
        }
    }

    /// <summary>Stateful recurrent layers forget the batches before: the next one begins with states of zeros. Keras's reset_states.</summary>
    public new void ResetStates() => base.ResetStates();

    /// <summary>
    /// Gives the memory of all parameters, of the plans and of what the compiled optimizer remembers of the parameters back to the system, and what the device kept for reuse. Models that share the
    /// layers lose them too: the next use of any of them throws, until weights are loaded or set.
    /// </summary>
    public virtual void Release()
    {
        _plans?.Dispose();
        Device device = Device;
        if (_optimizer?.Owner == this)
            _optimizer.Forget(Parameters);
        foreach (Parameter p in Parameters)
            p.Release();
        device.Pool.Trim();
    }

    /// <summary>The layer of a name.</summary>
    /// <exception cref="GraftException">There is none; the message names the nearest, or the nested model that has it.</exception>
    public Layer GetLayer(string name) => _layers.Find(l => l.Name == name)
        ?? throw new GraftException($"Model '{Name}' has no layer '{name}'; " + (_layers.OfType<Model>().FirstOrDefault(m => m.Layers.Any(l => l.Name == name)) is { } inner
            ? $"it is in the model inside: ((Model)GetLayer(\"{inner.Name}\")).GetLayer(\"{name}\")."
            : $"the nearest name is '{_layers.MinBy(l => NameDistance.Between(l.Name, name))?.Name}'."));

    /// <summary>
    /// What a layer gives: the node to put other layers behind, or to end another model at, which shares the weights: <c>new Model(model.Inputs[0], model.GetNode("block4_pool"))</c> computes the features of
    /// an inner layer. Keras's get_layer(name).output.
    /// </summary>
    /// <param name="layer">Name of a layer of this model, not of one inside a nested model.</param>
    /// <exception cref="GraftException">There is no such layer, or it is used at several places.</exception>
    public Node GetNode(string layer)
    {
        Layer found = GetLayer(layer);
        Node[] nodes = [.. _order.Where(n => n.Layer == found)];
        return nodes.Length == 1 ? nodes[0] : throw new GraftException($"Model '{Name}' uses layer '{layer}' at {nodes.Length} places; take one of its Nodes.");
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => OutputShapes(inputs)[0];

    internal override Shape[] OutputShapes(ReadOnlySpan<Shape> inputs)
    {
        for (int i = 0; i < Inputs.Count; i++)
        {
            if (!Inputs[i].Shape.Equals(inputs[i]))
                throw new ShapeException($"Model '{Name}' takes input {Inputs[i].Shape} and cannot take {inputs[i]}.");
        }
        return [.. Outputs.Select(o => o.Shape)];
    }

    /// <summary>
    /// True where the layers can compute samples of this shape, without the batch axis. That of the input node alone, where a model does not say more: a model whose
    /// layers all follow the length of their input may take shorter sequences.
    /// </summary>
    /// <param name="input">Number of the input.</param>
    /// <param name="sample">The shape.</param>
    protected internal virtual bool Takes(int input, Shape sample) => Inputs[input].Shape.Equals(sample);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Run(tape, inputs)[0];

    /// <summary>Runs the graph: inputs with the batch axis, one result an output node.</summary>
    /// <remarks>A result is given back as soon as its last reader ran, unless backward needs it.</remarks>
    /// <exception cref="ShapeException">There are more or fewer inputs than input nodes, or one has another shape than its node.</exception>
    public Tensor[] Run(Tape tape, ReadOnlySpan<Tensor> inputs) => MaskedTensor.Values(Call(tape, MaskedTensor.Of(inputs)));

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        if (inputs.Length != Inputs.Count)
            throw new ShapeException($"Model '{Name}' takes {Inputs.Count} input(s) ({string.Join(", ", Inputs.Select(i => i.Layer.Name))}), not {inputs.Length}.");
        var results = new Dictionary<Node, MaskedTensor>(_order.Length);
        for (int i = 0; i < Inputs.Count; i++)
        {
            Shape given = inputs[i].Value.Shape;
            if (given.Rank == 0 || !Takes(i, given.Tail()))
                throw new ShapeException($"Model '{Name}': input {given} does not fit [N,{string.Join(',', Inputs[i].Shape.Dims.ToArray())}].");
            results[Inputs[i]] = inputs[i];
        }
        Dictionary<Node, int> readers = CountReaders();
        string outer = tape.Layer;
        foreach (Node node in _order)
        {
            // What a normalisation did along with its own work is there already; of what lay between nothing was stored, and nothing is to run.
            if (!results.ContainsKey(node) && node.Inputs.All(results.ContainsKey))
                RunNode(tape, node, results, outer);
            foreach (Node unread in node.Outputs.Where(o => !readers.ContainsKey(o)))
                tape.Release(results[unread].Value);
            foreach (Node input in node.Inputs)
            {
                if (readers[input] < int.MaxValue && --readers[input] == 0 && results.TryGetValue(input, out MaskedTensor result))
                    tape.Release(result.Value);
            }
        }
        tape.Layer = outer;
        return [.. Outputs.Select(o => results[o])];
    }

    private Dictionary<Node, NormalizedActivation> Normalized => _normalized ??= NormalizedActivation.Find(_order, Inputs.Concat(Outputs));

    private Dictionary<Node, int> CountReaders()
    {
        var readers = new Dictionary<Node, int>(_order.Length);
        foreach (Node input in _order.SelectMany(n => n.Inputs))
            readers[input] = readers.GetValueOrDefault(input) + 1;
        foreach (Node kept in Inputs.Concat(Outputs))
            readers[kept] = int.MaxValue; // the caller's
        return readers;
    }

    private void RunNode(Tape tape, Node node, Dictionary<Node, MaskedTensor> results, string outer)
    {
        var inputs = new MaskedTensor[node.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
            inputs[i] = results[node.Inputs[i]];
        tape.Layer = outer.Length == 0 ? node.Layer.Name : $"{outer}/{node.Layer.Name}";
        if (node.Layer is not Model)
            tape.NextLayer();
        if (Normalized.TryGetValue(node, out NormalizedActivation? fused))
        {
            MaskedTensor? residual = fused.Residual is { } other ? results[other] : null;
            if (fused.Applies(tape, inputs[0], residual))
            {
                results[fused.Output] = new MaskedTensor(fused.Run(tape, inputs[0].Value, residual?.Value), null);
                return;
            }
        }
        MaskedTensor[] outputs = node.Layer.Call(tape, inputs);
        for (int i = 0; i < node.Outputs.Count; i++)
            results[node.Outputs[i]] = outputs[i];
    }

    /// <summary>
    /// A model of the same kind, name, inputs and training whose layers are those of other nodes: another way to write the same computation down. It shares layers and weights
    /// with this one, which goes on owning them.
    /// </summary>
    internal Model WithNodes(Node[] outputs)
    {
        Model model = this is Sequential ? new Sequential(Inputs[0], outputs[0]) : new Model(Inputs, outputs);
        model.Name = Name;
        (model.ClassNames, model.OutputKind, model.Preprocessing) = (ClassNames, OutputKind, Preprocessing);
        (model._optimizer, model._losses) = (_optimizer, _losses);
        return model;
    }

    private protected void SetGraph(Node[] inputs, Node[] outputs)
    {
        if (outputs.Length == 0)
            throw new GraftException($"Model '{Name}' has no output; name the node, or the nodes, whose results it gives.");
        if (inputs.GroupBy(i => i).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new GraftException($"Model '{Name}': {InputName(twice.Key)} is listed twice among its inputs; list it once.");
        var order = new List<Node>();
        var seen = new HashSet<Node>();
        Array.ForEach(outputs, o => Visit(o, seen, order));
        foreach (Node node in order)
        {
            if (node.Layer is InputLayer && !inputs.Contains(node))
                throw new GraftException($"Model '{Name}': its output depends on {InputName(node)}, which is not among its inputs.");
        }
        _plans?.Dispose();
        Inputs = inputs;
        Outputs = outputs;
        _order = [.. inputs.Where(i => !seen.Contains(i)), .. order];
        _layers = [.. _order.Select(n => n.Layer).Distinct()];
        (_parameters, _normalized) = (null, null);
        new LayerNames().Add(_layers);
        foreach (Layer layer in _layers.Where(l => _hasOwnSeed || !l.IsSeeded)) // else that of the graph that they are from
            layer.TakeSeed(Seed);
    }

    private static string InputName(Node input) => $"{(input.Layer.Name.Length == 0 ? "an unnamed input" : $"input '{input.Layer.Name}'")} {input.Shape}";

    private static void Visit(Node node, HashSet<Node> seen, List<Node> order)
    {
        node = node.First;
        if (!seen.Add(node))
            return;
        foreach (Node input in node.Inputs)
            Visit(input, seen, order);
        order.Add(node);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => GraphJson.Write(this, config);
}

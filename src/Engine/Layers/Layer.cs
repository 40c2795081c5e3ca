using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>
/// A named step of a graph: owns its parameters and calls ops. A layer is built when its input shape is first known, by
/// <see cref="Apply"/> or <see cref="Sequential.Add"/>.
/// </summary>
/// <remarks>
/// A layer of your own says what shape it makes (<see cref="OutputShape"/>), declares its weights (<see cref="CreateParameters"/>, Keras's build), computes
/// (<see cref="Forward"/>, Keras's call) and writes down what it was made with (<see cref="WriteConfig"/>, Keras's get_config). Gradients follow from the ops
/// that Forward runs; for one that is not there, derive from <see cref="Op"/>.
/// <code>
/// public sealed class Scale(float start) : Layer                                // y = x * scale, one number a channel
/// {
///     private Parameter? _scale;
///
///     public override Shape OutputShape(ReadOnlySpan&lt;Shape&gt; inputs) => inputs[0];    // shapes here have no batch axis
///
///     protected override void CreateParameters(ReadOnlySpan&lt;Shape&gt; inputs) =>
///         _scale = AddParameter("scale", new Shape(inputs[0][-1]), (_, _, values) => values.Fill(start));
///
///     public override Tensor Forward(Tape tape, ReadOnlySpan&lt;Tensor&gt; inputs) =>       // tensors have one
///         tape.Run(new BinaryOp(BinaryFormula.Multiply), inputs[0], Use(tape, _scale!));
///
///     protected override void WriteConfig(JsonObject config) => config["start"] = start;
/// }
///
/// ModelFile.Save(model, "model.graft");
/// var own = new CustomLayers { { "Scale", config => new Scale((float)config["start"]!) } };
/// Model again = ModelFile.Load("model.graft", own).Model;
/// </code>
/// Forward is called to run ops and to note them down for a plan (docs/internals.md), where tensors have shapes and no numbers: it reads no numbers itself and
/// draws none, unless <see cref="IsDynamic"/>. What it does in training alone asks <c>tape.Training &amp;&amp; Trainable</c>. docs/extending.md has more.
/// </remarks>
public abstract class Layer
{
    private readonly List<Parameter> _parameters = [];
    private bool _trainable = true;
    private Shape[]? _builtFor;
    private int _revision;

    /// <summary>A layer without a name yet.</summary>
    protected Layer() => IsCustom = this is Lambda || (this is not Model && GetType().Assembly != typeof(Layer).Assembly);

    /// <summary>Name, unique within a model; by default the class name in snake case with a number, as Keras gives it.</summary>
    public virtual string Name { get; set; } = "";

    /// <summary>True where a graph may still choose the name: nobody gave one.</summary>
    internal virtual bool IsUnnamed => Name.Length == 0;

    /// <summary>True once a graph has the layer, by its name.</summary>
    internal bool IsInGraph { get; set; }

    /// <summary>
    /// False freezes the layer from the next step on: its parameters do not move, BatchNormalization uses its moving
    /// statistics, and nothing is kept for backward. Set on a model or a wrapper, it is set on all layers inside; read, it says whether one of them is.
    /// </summary>
    public virtual bool Trainable
    {
        get => Inner.Count == 0 ? _trainable : (_trainable && _parameters.Count > 0) || Inner.Any(l => l.Trainable && (l.Inner.Count > 0 || l.Parameters.Count > 0));
        set
        {
            _trainable = value;
            foreach (Layer layer in Inner)
                layer.Trainable = value;
        }
    }

    /// <summary>The layer's parameters, in Keras's order: its own, then those of the layers inside.</summary>
    public virtual IReadOnlyList<Parameter> Parameters => Inner.Count == 0 ? _parameters : [.. _parameters, .. Inner.SelectMany(l => l.Parameters)];

    /// <summary>Class name as summaries and files have it.</summary>
    public virtual string ClassName => GetType().Name;

    /// <summary>Number of inputs; -1 where it may be chosen: <see cref="Takes"/>.</summary>
    public virtual int InputCount => 1;

    /// <summary>
    /// The layers that this one is made of: those of a model, what a wrapper wraps, a block's own. They are made in the constructor, built by
    /// <see cref="BuildInner"/> and run by <see cref="CallInner(Tape, Layer, ReadOnlySpan{Tensor})"/>. Their parameters are named by their paths, "block/dense/kernel";
    /// the trainable flag and seeds follow them.
    /// </summary>
    protected internal virtual IReadOnlyList<Layer> Inner => [];

    /// <summary>True where a mask of the first input's steps holds for the output too; else it ends here. Keras's supports_masking.</summary>
    protected virtual bool PassesMask => false;

    /// <summary>The activation that is all that the layer does, where a kernel before it can apply it while it stores its output.</summary>
    internal virtual FusedActivation Fusible => FusedActivation.None;

    /// <summary>
    /// True where <see cref="Forward"/> depends on more than the shapes of its inputs: on numbers that it reads, or on earlier batches. A model with such a layer is
    /// run op by op, never by a plan. Keras's dynamic.
    /// </summary>
    protected internal virtual bool IsDynamic => Inner.Any(l => l.IsDynamic);

    /// <summary>True where code from outside computes, which nobody here knows: a class of the user's, or a <see cref="Lambda"/>.</summary>
    internal bool IsCustom { get; }

    /// <summary>The parameters without those of the layers inside.</summary>
    internal IReadOnlyList<Parameter> OwnParameters => _parameters;

    /// <summary>The flag that was set on the layer, whatever the layers inside say.</summary>
    internal bool OwnTrainable => Inner.Count == 0 ? Trainable : _trainable;

    internal int Seed
    {
        get;
        set
        {
            field = value;
            IsSeeded = true;
            foreach (Layer layer in Inner)
                layer.TakeSeed(SeedOfInner(value));
        }
    }

    /// <summary>True once a graph, a wrapper or the user has said the seed.</summary>
    internal bool IsSeeded { get; private set; }

    /// <summary>Takes the seed of the graph or the wrapper that the layer is in.</summary>
    internal virtual void TakeSeed(int seed) => Seed = seed;

    /// <summary>The seed of the layers inside, whose names are the same in every wrapper of a kind.</summary>
    private protected virtual int SeedOfInner(int seed) => RandomSeed.Of(seed, Name);

    /// <summary>
    /// Counts what has changed of a layer that was built: an adapter was put on, taken off, or merged. Lists of parameters and plans made before are
    /// out of date.
    /// </summary>
    internal int Revision
    {
        get
        {
            int sum = _revision;
            for (int i = 0; i < Inner.Count; i++) // it is read at each run, which allocates nothing
                sum += Inner[i].Revision;
            return sum;
        }
    }

    /// <summary>Names of the parameters that are frozen by themselves as soon as they are made, and of those that are there: what a model file says.</summary>
    internal IReadOnlyCollection<string> FrozenParameters
    {
        get;
        set
        {
            field = value;
            foreach (Parameter parameter in _parameters.Where(p => value.Contains(p.Name)))
                parameter.Trainable = false;
        }
    } = [];

    /// <summary>Shape of the output without the batch axis. Throw a <see cref="ShapeException"/> for inputs that do not fit; the layer is named in front of its message.</summary>
    /// <exception cref="ShapeException">The layer does not take such inputs.</exception>
    public abstract Shape OutputShape(ReadOnlySpan<Shape> inputs);

    /// <summary>Computes the output by ops of the tape; called by the graph with built parameters and inputs with the batch axis.</summary>
    public abstract Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs);

    /// <summary>Shapes of all outputs without the batch axis; one, except for layers that return their states or their weights too.</summary>
    internal virtual Shape[] OutputShapes(ReadOnlySpan<Shape> inputs) => [OutputShape(inputs)];

    /// <summary>Computes all outputs, with their masks: what a graph calls. Layers override it that look at masks, make some, or have several outputs.</summary>
    internal virtual MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        Tensor[] values = MaskedTensor.Values(inputs);
        Tensor y = Forward(tape, values);
        return [new(IsCustom ? Checked(tape, values, y) : y, PassesMask ? inputs[0].Mask : null)];
    }

    /// <summary>True where the layer takes that many inputs.</summary>
    private protected virtual bool Takes(int inputs) => InputCount >= 0 ? inputs == InputCount : inputs >= 2;

    /// <summary>What inputs <see cref="Takes"/> allows, for errors.</summary>
    private protected virtual string InputNames => InputCount < 0 ? "two or more inputs" : $"{InputCount} input(s)";

    /// <summary>Forgets what earlier batches left: see <see cref="Model.ResetStates"/>.</summary>
    internal virtual void ResetStates()
    {
        foreach (Layer layer in Inner)
            layer.ResetStates();
    }

    /// <summary>Notes what earlier batches left; the action puts it back.</summary>
    internal virtual Action KeepStates()
    {
        Action[] inner = [.. Inner.Select(l => l.KeepStates())];
        return () => Array.ForEach(inner, putBack => putBack());
    }

    /// <summary>Writes the layer's attributes, for the model file: what it takes to make it again. Its name, flags and weights are kept anyway.</summary>
    protected internal virtual void WriteConfig(JsonObject config)
    {
    }

    /// <summary>Finds the layers that this one refers to by name among those of a graph that was read from a file.</summary>
    internal virtual void Resolve(IReadOnlyList<Layer> layers)
    {
    }

    /// <summary>Puts the layer into a graph: a new node that reads the given ones.</summary>
    /// <exception cref="ShapeException">The layer does not take such inputs, or was built for others.</exception>
    public Node Apply(params ReadOnlySpan<Node> inputs)
    {
        if (!Takes(inputs.Length))
            throw new ShapeException($"{ClassName} '{Name}' takes {InputNames}, not {inputs.Length}.");
        var shapes = new Shape[inputs.Length];
        for (int i = 0; i < shapes.Length; i++)
            shapes[i] = inputs[i].Shape;
        return new Node(this, inputs.ToArray(), Build(shapes));
    }

    /// <summary>Makes the parameters for the given input shapes (once) and returns the shapes of the outputs.</summary>
    internal Shape[] Build(Shape[] inputs)
    {
        Shape[] outputs;
        try
        {
            outputs = OutputShapes(inputs);
            if (Array.Find(outputs, s => s.Count == 0) is { } empty && Array.TrueForAll(inputs, s => s.Count > 0))
                throw new ShapeException($"makes {empty} of {string.Join<Shape>(", ", inputs)}, which has no numbers; let each extent be 1 or more.");
        }
        catch (ShapeException e)
        {
            throw new ShapeException($"{ClassName}{(Name.Length > 0 ? $" '{Name}'" : "")}: {e.Message}", e);
        }
        if (_builtFor is null)
            CreateAll(inputs);
        else if (_parameters.Count > 0 && !inputs.AsSpan().SequenceEqual(_builtFor) && !AcceptsOtherInput(_builtFor, inputs))
            throw new ShapeException($"{ClassName} '{Name}' was built for input {_builtFor[0]} and cannot take {inputs[0]}.");
        _builtFor ??= inputs;
        return outputs;
    }

    /// <summary>Declares the parameters, by <see cref="AddParameter"/>, and builds the layers inside, by <see cref="BuildInner"/>; called once.</summary>
    /// <param name="inputs">Shapes of the inputs without the batch axis.</param>
    protected virtual void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
    }

    /// <summary>True where parameters made for one input shape serve another: by default when the last axis agrees.</summary>
    protected virtual bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => built[0][-1] == inputs[0][-1];

    /// <summary>Declares a parameter. Its numbers are made at the first use, or come from a file. Keras's add_weight.</summary>
    /// <param name="name">Name within the layer, as files have it: "kernel".</param>
    /// <param name="shape">Extent of each axis.</param>
    /// <param name="initializer">Fills it: one of <see cref="Initializers"/>, or a function of your own.</param>
    /// <param name="isStatistic">True for numbers that no optimizer moves.</param>
    /// <param name="regularizer">What it costs to be large; null for nothing.</param>
    /// <exception cref="GraftException">The layer has a parameter of that name, or the name is empty or has a slash, which parts paths.</exception>
    protected Parameter AddParameter(string name, Shape shape, Initializer initializer, bool isStatistic = false, Regularizer? regularizer = null)
    {
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || _parameters.Exists(p => p.Name == name))
            throw new GraftException($"{this}: a parameter cannot be named '{name}'; the name is that of no other parameter of the layer ({string.Join(", ", _parameters.Select(p => p.Name))}), and neither empty nor with a slash.");
        var parameter = new Parameter(this, _parameters.Count, name, shape, initializer, isStatistic) { Regularizer = regularizer, Trainable = !FrozenParameters.Contains(name) };
        _parameters.Add(parameter);
        _revision++;
        return parameter;
    }

    /// <summary>Takes a parameter off a layer that was built, and gives its memory back.</summary>
    private protected void RemoveParameter(Parameter parameter)
    {
        _parameters.Remove(parameter);
        parameter.Release();
        _revision++;
    }

    /// <summary>Says that the layer computes otherwise from now on, where a property of it was set: plans made before are out of date.</summary>
    protected void Changed() => _revision++;

    /// <summary>Builds a layer inside, and gives the shape of its output.</summary>
    /// <param name="inner">One of <see cref="Inner"/>.</param>
    /// <param name="inputs">Shapes of its inputs, without the batch axis.</param>
    /// <exception cref="ShapeException">It does not take such inputs.</exception>
    protected static Shape BuildInner(Layer inner, params ReadOnlySpan<Shape> inputs) => inner.Build(inputs.ToArray())[0];

    /// <summary>A layer inside as a config keeps it, for a layer that wraps any other; <see cref="CustomLayers.ReadLayer"/> reads it.</summary>
    protected static JsonNode WriteLayer(Layer inner) => GraphJson.WriteLayer(inner);

    /// <summary>A parameter's tensor for this step; its gradient is asked for where it will be moved. A trace notes what training would move.</summary>
    protected static Tensor Use(Tape tape, Parameter parameter)
    {
        if ((tape.Training || tape.Trace is not null) && parameter.IsTrainable)
            tape.Watch(parameter.Value);
        return parameter.Value;
    }

    /// <summary>Runs an op on the layer's own intermediate, which nobody else reads, and gives that back where backward does not need it.</summary>
    private protected static Tensor Then(Tape tape, Tensor own, Op op, params ReadOnlySpan<Tensor> others)
    {
        Tensor result = tape.Run(op, [own, .. others]);
        tape.Release(own);
        return result;
    }

    /// <summary>Calls a layer inside, under its own name.</summary>
    /// <param name="tape">The tape of this step.</param>
    /// <param name="inner">One of <see cref="Inner"/>.</param>
    /// <param name="inputs">Its inputs, with the batch axis.</param>
    protected static Tensor CallInner(Tape tape, Layer inner, params ReadOnlySpan<Tensor> inputs) => CallInner(tape, inner, MaskedTensor.Of(inputs))[0].Value;

    /// <summary>The same with masks.</summary>
    private protected static MaskedTensor[] CallInner(Tape tape, Layer inner, params ReadOnlySpan<MaskedTensor> inputs)
    {
        string outer = tape.Layer;
        tape.Layer = $"{outer}/{inner.Name}";
        MaskedTensor[] outputs = inner.Call(tape, inputs);
        tape.Layer = outer;
        return outputs;
    }

    /// <summary>
    /// The seed of the next random op (<see cref="DropoutOp"/>, <see cref="RandomOp"/>): another for each step, layer, and op of the layer. It is made of the tape's seed, the layer's path and the
    /// number of ops that the tape ran before.
    /// </summary>
    protected static ulong NextSeed(Tape tape) => tape.Seed ^ ((ulong)RandomSeed.Of(0, tape.Layer) << 32) ^ (ulong)tape.OpCount;

    /// <summary>A constant in place of a parameter that was left out.</summary>
    private protected static Tensor Filled(Tape tape, Shape shape, float value)
    {
        var values = new float[shape.Count];
        values.AsSpan().Fill(value);
        return tape.Constant(shape, values);
    }

    private void CreateAll(Shape[] inputs)
    {
        if (!IsCustom)
        {
            CreateParameters(inputs);
            return;
        }
        var names = new LayerNames();
        foreach (Layer inner in Inner)
            names.Add(inner);
        CreateParameters(inputs);
        if (Inner.FirstOrDefault(l => l._builtFor is null) is { } forgotten)
            throw new GraftException($"{this}: '{forgotten.Name}' inside it was not built; call BuildInner for it in CreateParameters.");
    }

    /// <summary>What code from outside computed: of the shape that it said, and a view where it is an input itself, since each node owns its result.</summary>
    private Tensor Checked(Tape tape, Tensor[] inputs, Tensor y)
    {
        if (inputs.Contains(y))
            y = tape.Run(new ReshapeOp([.. y.Shape]), y);
        Shape due = OutputShape(Array.ConvertAll(inputs, x => x.Shape.Tail()));
        return y.Shape.Rank > 0 && y.Shape.Tail().Equals(due) ? y : throw new ShapeException($"{this} gave {y.Shape}, but said {due} a sample; let it say the shape that it computes.");
    }

    /// <inheritdoc/>
    public override string ToString() => $"{ClassName} '{Name}'";
}

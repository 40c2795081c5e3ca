using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>
/// A named step of a graph: owns its parameters and calls ops. A layer is built when its input shape is first known, by
/// <see cref="Apply"/> or <see cref="Sequential.Add"/>.
/// </summary>
public abstract class Layer
{
    private readonly List<Parameter> _parameters = [];
    private bool _trainable = true;
    private Shape[]? _builtFor;
    private int _revision;

    /// <summary>Name, unique within a model; by default the class name in snake case with a number, as Keras gives it.</summary>
    public virtual string Name { get; set; } = "";

    /// <summary>
    /// False freezes the layer from the next step on: its parameters do not move, BatchNormalization uses its moving
    /// statistics, and nothing is kept for backward. Set on a model or a wrapper, it is set on all layers inside; read, it says whether one of them is.
    /// </summary>
    public virtual bool Trainable
    {
        get => Inner.Count == 0 ? _trainable : Inner.Any(l => l.Trainable && (l.Inner.Count > 0 || l.Parameters.Count > 0));
        set
        {
            _trainable = value;
            foreach (Layer layer in Inner)
                layer.Trainable = value;
        }
    }

    /// <summary>The layer's own parameters, in Keras's order. A model or a wrapper returns those of all its layers.</summary>
    public virtual IReadOnlyList<Parameter> Parameters => Inner.Count == 0 ? _parameters : [.. Inner.SelectMany(l => l.Parameters)];

    /// <summary>Class name as summaries and files have it.</summary>
    public virtual string ClassName => GetType().Name;

    /// <summary>Number of inputs; -1 where it may be chosen: <see cref="Takes"/>.</summary>
    public virtual int InputCount => 1;

    /// <summary>The layers that this one is made of: those of a model, and what a wrapper wraps. Their parameters are named by their paths.</summary>
    internal virtual IReadOnlyList<Layer> Inner => [];

    /// <summary>True where each sample's last axes are features: a mask of the samples' steps holds for the output as it does for the input.</summary>
    private protected virtual bool PassesMask => false;

    /// <summary>The activation that is all that the layer does, where a kernel before it can apply it while it stores its output.</summary>
    internal virtual FusedActivation Fusible => FusedActivation.None;

    /// <summary>True where a result depends on earlier batches: such a layer is run op by op, never by a plan.</summary>
    internal virtual bool RemembersBatches => Inner.Any(l => l.RemembersBatches);

    internal int Seed
    {
        get;
        set
        {
            field = value;
            foreach (Layer layer in Inner)
                layer.Seed = SeedOfInner(value);
        }
    }

    /// <summary>The seed of the layers inside, whose names are the same in every wrapper of a kind.</summary>
    private protected virtual int SeedOfInner(int seed) => RandomSeed.Of(seed, Name);

    /// <summary>
    /// Counts what has changed of a layer that was built: an adapter was put on, taken off, or merged. Lists of parameters and plans made before are
    /// out of date.
    /// </summary>
    internal virtual int Revision => _revision;

    /// <summary>Names of the parameters that are frozen by themselves as soon as they are made: what a model file says.</summary>
    internal IReadOnlyCollection<string> FrozenParameters { get; set; } = [];

    /// <summary>Shape of the output without the batch axis.</summary>
    /// <exception cref="ShapeException">The layer does not take such inputs.</exception>
    public abstract Shape OutputShape(ReadOnlySpan<Shape> inputs);

    /// <summary>Computes the output; called by the graph with built parameters.</summary>
    public abstract Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs);

    /// <summary>Shapes of all outputs without the batch axis; one, except for layers that return their states or their weights too.</summary>
    internal virtual Shape[] OutputShapes(ReadOnlySpan<Shape> inputs) => [OutputShape(inputs)];

    /// <summary>Computes all outputs, with their masks: what a graph calls. Layers override it that look at masks, make some, or have several outputs.</summary>
    internal virtual MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs) =>
        [new(Forward(tape, MaskedTensor.Values(inputs)), PassesMask ? inputs[0].Mask : null)];

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

    /// <summary>Writes the layer's attributes, for the model file.</summary>
    internal abstract void WriteConfig(JsonObject config);

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
        }
        catch (ShapeException e)
        {
            throw new ShapeException($"{ClassName}{(Name.Length > 0 ? $" '{Name}'" : "")}: {e.Message}", e);
        }
        if (_builtFor is null)
            CreateParameters(inputs);
        else if (_parameters.Count > 0 && !inputs.AsSpan().SequenceEqual(_builtFor) && !AcceptsOtherInput(_builtFor, inputs))
            throw new ShapeException($"{ClassName} '{Name}' was built for input {_builtFor[0]} and cannot take {inputs[0]}.");
        _builtFor ??= inputs;
        return outputs;
    }

    /// <summary>Declares the parameters, by <see cref="AddParameter"/>.</summary>
    private protected virtual void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
    }

    /// <summary>True where parameters made for one input shape serve another: by default when the last axis agrees.</summary>
    private protected virtual bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => built[0][-1] == inputs[0][-1];

    private protected Parameter AddParameter(string name, Shape shape, Initializer initializer, bool isStatistic = false, Regularizer? regularizer = null)
    {
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

    /// <summary>Says that the layer computes otherwise from now on.</summary>
    private protected void Changed() => _revision++;

    /// <summary>A parameter's tensor for this step; its gradient is asked for where it will be moved. A trace notes what training would move.</summary>
    private protected static Tensor Use(Tape tape, Parameter parameter)
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

    /// <summary>Calls a layer that this one is made of, under its own name.</summary>
    private protected static MaskedTensor[] CallInner(Tape tape, Layer inner, params ReadOnlySpan<MaskedTensor> inputs)
    {
        string outer = tape.Layer;
        tape.Layer = $"{outer}/{inner.Name}";
        MaskedTensor[] outputs = inner.Call(tape, inputs);
        tape.Layer = outer;
        return outputs;
    }

    /// <summary>The key of the next random op's stream: another for each step, layer, and op of the layer.</summary>
    private protected static ulong DropoutSeed(Tape tape) => tape.Seed ^ ((ulong)RandomSeed.Of(0, tape.Layer) << 32) ^ (ulong)tape.OpCount;

    /// <summary>A constant in place of a parameter that was left out.</summary>
    private protected static Tensor Filled(Tape tape, Shape shape, float value)
    {
        var values = new float[shape.Count];
        values.AsSpan().Fill(value);
        return tape.Constant(shape, values);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{ClassName} '{Name}'";
}

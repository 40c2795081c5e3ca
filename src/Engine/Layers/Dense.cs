using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Fully connected: y = activation(x · kernel + bias).</summary>
/// <remarks>x [N,..,I], kernel [I,O] Glorot-uniform, bias [O] zeros, y [N,..,O]. Matches Keras's Dense.</remarks>
/// <param name="units">O, the number of outputs.</param>
/// <param name="activation">Applied to the output.</param>
public sealed class Dense(int units, Activation activation = Activation.Linear) : Layer
{
    private Parameter? _kernel, _bias;
    private LoraSettings? _adapts; // what a model file says before the parameters are made

    /// <summary>Number of outputs.</summary>
    public int Units { get; } = units > 0 ? units : throw new ArgumentOutOfRangeException(nameof(units), units, "A Dense layer has one unit or more.");

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; } = activation;

    /// <summary>What learns beside a frozen kernel; null where nothing does. <see cref="Lora"/> puts it on.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformDense;

    /// <summary>Fills the bias of a new layer.</summary>
    public Initializer BiasInitializer { get; init; } = Initializers.Zeros;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank >= 1
        ? new Shape([.. inputs[0].Dims[..^1], Units])
        : throw new ShapeException("Dense takes at least one feature axis; the input has none.");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], Units), KernelInitializer, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Units), BiasInitializer, regularizer: BiasRegularizer);
        if (_adapts is not null)
            Adapt(_adapts);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor kernel = Use(tape, _kernel!);
        Tensor y = _bias is null ? tape.Run(new DenseOp(), inputs[0], kernel) : tape.Run(new DenseOp(), inputs[0], kernel, Use(tape, _bias));
        if (Adapter is { IsMerged: false } adapter)
            y = adapter.AddTo(tape, y, inputs[0], Use(tape, adapter.A), Use(tape, adapter.B));
        return Activation.Apply(tape, y);
    }

    /// <summary>Puts an adapter on, whose parameters stand behind the layer's own.</summary>
    internal void Adapt(LoraSettings settings)
    {
        Parameter a = AddParameter("lora_A", new Shape(_kernel!.Shape[0], settings.Rank), settings.InitializerOfA);
        Parameter b = AddParameter("lora_B", new Shape(settings.Rank, Units), settings.InitializerOfB);
        a.MoveTo(_kernel.Device);
        b.MoveTo(_kernel.Device);
        Adapter = new LoraAdapter(settings, a, b);
    }

    /// <summary>Takes the adapter off; one that is merged leaves its share in the kernel.</summary>
    internal void RemoveAdapter()
    {
        RemoveParameter(Adapter!.B);
        RemoveParameter(Adapter.A);
        Adapter = null;
    }

    /// <summary>Says whether the layer's own parameters learn beside its adapter's.</summary>
    internal void FreezeBase(bool isFrozen)
    {
        _kernel!.Trainable = !isFrozen;
        if (_bias is not null)
            _bias.Trainable = !isFrozen;
    }

    /// <summary>Makes the adapter's share part of the kernel.</summary>
    internal void MergeAdapter()
    {
        Adapter!.MergeInto(_kernel!.Value);
        Changed();
    }

    /// <summary>Puts the kernel back as it was.</summary>
    internal void UnmergeAdapter()
    {
        Adapter!.TakeOutOf(_kernel!.Value);
        Changed();
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["units"] = Units;
        config["activation"] = Activation.ToString();
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        if (Adapter is not null)
            config["lora"] = Adapter.Settings.Write();
    }

    internal static Layer Read(JsonNode config) =>
        new Dense((int)config["units"]!, Enum.Parse<Activation>((string)config["activation"]!))
        {
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            _adapts = LoraSettings.Read(config["lora"]),
        };
}

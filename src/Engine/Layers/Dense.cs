using System.Text.Json.Nodes;
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

    /// <summary>Number of outputs.</summary>
    public int Units { get; } = units;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; } = activation;

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformDense;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank >= 1
        ? new Shape([.. inputs[0].Dims[..^1], Units])
        : throw new ShapeException("Dense takes at least one feature axis; the input has none.");

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], Units), KernelInitializer, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Units), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor kernel = Use(tape, _kernel!);
        Tensor y = _bias is null ? tape.Run(new DenseOp(), inputs[0], kernel) : tape.Run(new DenseOp(), inputs[0], kernel, Use(tape, _bias));
        return Activation.Apply(tape, y);
    }

    internal override void WriteConfig(JsonObject config)
    {
        config["units"] = Units;
        config["activation"] = Activation.ToString();
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
    }

    internal static Layer Read(JsonNode config) =>
        new Dense((int)config["units"]!, Enum.Parse<Activation>((string)config["activation"]!))
        {
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
        };
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Convolution over sequences: y = activation(x * kernel + bias).</summary>
/// <remarks>
/// x [N,T,C], kernel [O,S,C/groups] Glorot-uniform, bias [O] zeros, y [N,Q,O]. A sequence is an image of one row. Matches Keras's Conv1D; with
/// Padding.Causal output t sees x up to t alone. van den Oord et al. 2016, arXiv:1609.03499, section 2.1.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class Conv1D(int filters, int filterSize) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Length of a filter.</summary>
    public int FilterSize { get; } = filterSize;

    /// <summary>Step between windows.</summary>
    public int Strides { get; init; } = 1;

    /// <summary>Spacing of the filter's taps.</summary>
    public int Dilation { get; init; } = 1;

    /// <summary>Border by rule.</summary>
    public Padding Padding { get; init; }

    /// <summary>Channels are split into this many groups that do not mix.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private Window Taps => Window.Line(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape y = Taps.OutputLine(inputs[0], Filters);
        return inputs[0][-1] % Groups == 0 && Filters % Groups == 0 ? y
            : throw new ShapeException($"{inputs[0][-1]} input and {Filters} output channels cannot be split into {Groups} groups.");
    }

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(Filters, FilterSize, inputs[0][-1] / Groups), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]), kernel = tape.Run(ImageView.OfFilter(_kernel!.Shape), Use(tape, _kernel));
        var op = new Conv2DOp(1, Strides, 1, Dilation, Taps.Border(1, inputs[0].Shape[1]), Groups);
        Tensor y = Activation.Apply(tape, _bias is null ? Then(tape, x, op, kernel) : Then(tape, x, op, kernel, Use(tape, _bias)));
        tape.Release(kernel);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
        config["filters"] = Filters;
        config["groups"] = Groups;
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv1D((int)config["filters"]!, w.FilterW)
        {
            Strides = w.StrideW,
            Dilation = w.DilationW,
            Padding = w.Padding,
            Groups = (int)config["groups"]!,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

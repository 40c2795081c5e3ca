using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Convolution over images: y = activation(x * kernel + bias).</summary>
/// <remarks>x [N,H,W,C], kernel [O,R,S,C/groups] Glorot-uniform, bias [O] zeros, y [N,P,Q,O]. Matches Keras's Conv2D.</remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class Conv2D(int filters, int filterH, int filterW) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Rows and columns of a filter.</summary>
    public (int Height, int Width) FilterSize { get; } = (filterH, filterW);

    /// <summary>Step between windows.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Border by rule; <see cref="ExplicitPadding"/> overrides it.</summary>
    public Padding Padding { get; init; }

    /// <summary>Border by numbers, possibly uneven.</summary>
    public Padding2D? ExplicitPadding { get; init; }

    /// <summary>Channels are split into this many groups that do not mix.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>False leaves the bias out, as before a BatchNormalization.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    internal Window Window => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, ExplicitPadding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape y = Window.Output(inputs[0], Filters);
        return inputs[0][-1] % Groups == 0 && Filters % Groups == 0 ? y
            : throw new ShapeException($"{inputs[0][-1]} input and {Filters} output channels cannot be split into {Groups} groups.");
    }

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(Filters, FilterSize.Height, FilterSize.Width, inputs[0][-1] / Groups), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0], kernel = Use(tape, _kernel!);
        var op = new Conv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Window.Border(x.Shape[1], x.Shape[2]), Groups);
        return Activation.Apply(tape, _bias is null ? tape.Run(op, x, kernel) : tape.Run(op, x, kernel, Use(tape, _bias)));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Window.Write(config);
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
        return new Conv2D((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Strides = (w.StrideH, w.StrideW),
            Dilation = (w.DilationH, w.DilationW),
            Padding = w.Padding,
            ExplicitPadding = w.Explicit,
            Groups = (int)config["groups"]!,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Each channel is convolved by itself, with M filters.</summary>
/// <remarks>x [N,H,W,C], kernel [R,S,C,M], bias [C·M], y [N,P,Q,C·M], channel c·M + m. Matches Keras's DepthwiseConv2D.</remarks>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class DepthwiseConv2D(int filterH, int filterW) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Rows and columns of a filter.</summary>
    public (int Height, int Width) FilterSize { get; } = (filterH, filterW);

    /// <summary>M, filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>Step between windows.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Border by rule; <see cref="ExplicitPadding"/> overrides it.</summary>
    public Padding Padding { get; init; }

    /// <summary>Border by numbers, possibly uneven.</summary>
    public Padding2D? ExplicitPadding { get; init; }

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    internal Window Window => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, ExplicitPadding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.Output(inputs[0], inputs[0][-1] * DepthMultiplier);

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _kernel = AddParameter("kernel", new Shape(FilterSize.Height, FilterSize.Width, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(channels * DepthMultiplier), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0], kernel = Use(tape, _kernel!);
        var op = new DepthwiseConv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Window.Border(x.Shape[1], x.Shape[2]));
        return Activation.Apply(tape, _bias is null ? tape.Run(op, x, kernel) : tape.Run(op, x, kernel, Use(tape, _bias)));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Window.Write(config);
        config["depth_multiplier"] = DepthMultiplier;
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new DepthwiseConv2D(w.FilterH, w.FilterW)
        {
            DepthMultiplier = (int)config["depth_multiplier"]!,
            Strides = (w.StrideH, w.StrideW),
            Dilation = (w.DilationH, w.DilationW),
            Padding = w.Padding,
            ExplicitPadding = w.Explicit,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

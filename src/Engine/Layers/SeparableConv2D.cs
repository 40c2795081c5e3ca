using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A depthwise convolution, then a 1x1 convolution that mixes its channels: y = activation(pointwise(depthwise(x)) + bias).</summary>
/// <remarks>
/// x [N,H,W,C], depthwise_kernel [R,S,C,M], pointwise_kernel [O,1,1,C·M], bias [O], y [N,P,Q,O]. Matches Keras's SeparableConv2D.
/// Chollet 2017, arXiv:1610.02357.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterH">R, rows of a depthwise filter.</param>
/// <param name="filterW">S, columns of a depthwise filter.</param>
public sealed class SeparableConv2D(int filters, int filterH, int filterW) : Layer
{
    private Parameter? _depthwise, _pointwise, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Rows and columns of a depthwise filter.</summary>
    public (int Height, int Width) FilterSize { get; } = (filterH, filterW);

    /// <summary>M, depthwise filters a channel.</summary>
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

    /// <summary>What a large depthwise kernel costs; null for nothing.</summary>
    public Regularizer? DepthwiseRegularizer { get; init; }

    /// <summary>What a large pointwise kernel costs; null for nothing.</summary>
    public Regularizer? PointwiseRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private Window Window => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, ExplicitPadding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.Output(inputs[0], Filters);

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _depthwise = AddParameter("depthwise_kernel", new Shape(FilterSize.Height, FilterSize.Width, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: DepthwiseRegularizer);
        _pointwise = AddParameter("pointwise_kernel", new Shape(Filters, 1, 1, channels * DepthMultiplier), Initializers.GlorotUniformConv, regularizer: PointwiseRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0];
        Padding2D border = Window.Border(x.Shape[1], x.Shape[2]);
        Tensor spread = tape.Run(new DepthwiseConv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, border), x, Use(tape, _depthwise!));
        var mix = new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1);
        Tensor y = _bias is null ? Then(tape, spread, mix, Use(tape, _pointwise!)) : Then(tape, spread, mix, Use(tape, _pointwise!), Use(tape, _bias));
        return Activation.Apply(tape, y);
    }

    internal override void WriteConfig(JsonObject config)
    {
        Window.Write(config);
        config["filters"] = Filters;
        config["depth_multiplier"] = DepthMultiplier;
        config["use_bias"] = UseBias;
        config["depthwise_regularizer"] = Regularizer.Write(DepthwiseRegularizer);
        config["pointwise_regularizer"] = Regularizer.Write(PointwiseRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new SeparableConv2D((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            DepthMultiplier = (int)config["depth_multiplier"]!,
            Strides = (w.StrideH, w.StrideW),
            Dilation = (w.DilationH, w.DilationW),
            Padding = w.Padding,
            ExplicitPadding = w.Explicit,
            UseBias = (bool)config["use_bias"]!,
            DepthwiseRegularizer = Regularizer.Read(config["depthwise_regularizer"]),
            PointwiseRegularizer = Regularizer.Read(config["pointwise_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A depthwise convolution over sequences, then a product that mixes its channels: y = activation(pointwise(depthwise(x)) + bias).</summary>
/// <remarks>
/// x [N,T,C], depthwise_kernel [S,C,M], pointwise_kernel [O,1,C·M], bias [O], y [N,Q,O]. A sequence is an image of one row. Matches Keras's
/// SeparableConv1D. Chollet 2017, arXiv:1610.02357.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a depthwise filter.</param>
public sealed class SeparableConv1D(int filters, int filterSize) : Layer
{
    private Parameter? _depthwise, _pointwise, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>M, filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>Length of a filter.</summary>
    public int FilterSize { get; } = filterSize;

    /// <summary>Step between windows.</summary>
    public int Strides { get; init; } = 1;

    /// <summary>Spacing of the filter's taps.</summary>
    public int Dilation { get; init; } = 1;

    /// <summary>Border by rule.</summary>
    public Padding Padding { get; init; }

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

    private Window Taps => Window.Line(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.OutputLine(inputs[0], Filters);

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _depthwise = AddParameter("depthwise_kernel", new Shape(FilterSize, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: DepthwiseRegularizer);
        _pointwise = AddParameter("pointwise_kernel", new Shape(Filters, 1, channels * DepthMultiplier), Initializers.GlorotUniformConv, regularizer: PointwiseRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]);
        Tensor depthwise = tape.Run(new ReshapeOp([1, .. _depthwise!.Shape]), Use(tape, _depthwise)), pointwise = tape.Run(ImageView.OfFilter(_pointwise!.Shape), Use(tape, _pointwise));
        x = Then(tape, x, new DepthwiseConv2DOp(1, Strides, 1, Dilation, Taps.Border(1, inputs[0].Shape[1])), depthwise);
        tape.Release(depthwise);
        var mix = new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1);
        Tensor y = Activation.Apply(tape, _bias is null ? Then(tape, x, mix, pointwise) : Then(tape, x, mix, pointwise, Use(tape, _bias)));
        tape.Release(pointwise);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
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
        return new SeparableConv1D((int)config["filters"]!, w.FilterW)
        {
            DepthMultiplier = (int)config["depth_multiplier"]!,
            Strides = w.StrideW,
            Dilation = w.DilationW,
            Padding = w.Padding,
            UseBias = (bool)config["use_bias"]!,
            DepthwiseRegularizer = Regularizer.Read(config["depthwise_regularizer"]),
            PointwiseRegularizer = Regularizer.Read(config["pointwise_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

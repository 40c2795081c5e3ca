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
public sealed class SeparableConv2D(int filters, int filterH, int filterW) : BorderedConvolution2D(filterH, filterW)
{
    private Parameter? _depthwise, _pointwise;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>M, depthwise filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>What a large depthwise kernel costs; null for nothing.</summary>
    public Regularizer? DepthwiseRegularizer { get; init; }

    /// <summary>What a large pointwise kernel costs; null for nothing.</summary>
    public Regularizer? PointwiseRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.Output(inputs[0], Filters);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _depthwise = AddParameter("depthwise_kernel", new Shape(FilterSize.Height, FilterSize.Width, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: DepthwiseRegularizer);
        _pointwise = AddParameter("pointwise_kernel", new Shape(Filters, 1, 1, channels * DepthMultiplier), Initializers.GlorotUniformConv, regularizer: PointwiseRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0];
        Padding2D border = Window.Border(x.Shape[1], x.Shape[2]);
        Tensor spread = tape.Run(new DepthwiseConv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, border), x, Use(tape, _depthwise!));
        var mix = new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1);
        Tensor y = Bias is null ? Then(tape, spread, mix, Use(tape, _pointwise!)) : Then(tape, spread, mix, Use(tape, _pointwise!), Use(tape, Bias));
        return Activation.Apply(tape, y);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["depth_multiplier"] = DepthMultiplier;
        config["depthwise_regularizer"] = Regularizer.Write(DepthwiseRegularizer);
        config["pointwise_regularizer"] = Regularizer.Write(PointwiseRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new SeparableConv2D((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Stored = config,
            DepthMultiplier = (int)config["depth_multiplier"]!,
            DepthwiseRegularizer = Regularizer.Read(config["depthwise_regularizer"]),
            PointwiseRegularizer = Regularizer.Read(config["pointwise_regularizer"]),
        };
    }
}

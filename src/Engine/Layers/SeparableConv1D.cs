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
public sealed class SeparableConv1D(int filters, int filterSize) : Convolution1D(filterSize)
{
    private Parameter? _depthwise, _pointwise;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>M, filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>What a large depthwise kernel costs; null for nothing.</summary>
    public Regularizer? DepthwiseRegularizer { get; init; }

    /// <summary>What a large pointwise kernel costs; null for nothing.</summary>
    public Regularizer? PointwiseRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.OutputLine(inputs[0], Filters);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _depthwise = AddParameter("depthwise_kernel", new Shape(FilterSize, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: DepthwiseRegularizer);
        _pointwise = AddParameter("pointwise_kernel", new Shape(Filters, 1, channels * DepthMultiplier), Initializers.GlorotUniformConv, regularizer: PointwiseRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]);
        Tensor depthwise = tape.Run(new ReshapeOp([1, .. _depthwise!.Shape]), Use(tape, _depthwise)), pointwise = tape.Run(ImageView.OfFilter(_pointwise!.Shape), Use(tape, _pointwise));
        x = Then(tape, x, new DepthwiseConv2DOp(1, Strides, 1, Dilation, Window.Border(1, inputs[0].Shape[1])), depthwise);
        tape.Release(depthwise);
        var mix = new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1);
        Tensor y = Activation.Apply(tape, Bias is null ? Then(tape, x, mix, pointwise) : Then(tape, x, mix, pointwise, Use(tape, Bias)));
        tape.Release(pointwise);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
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
        return new SeparableConv1D((int)config["filters"]!, w.FilterW)
        {
            Stored = config,
            DepthMultiplier = (int)config["depth_multiplier"]!,
            DepthwiseRegularizer = Regularizer.Read(config["depthwise_regularizer"]),
            PointwiseRegularizer = Regularizer.Read(config["pointwise_regularizer"]),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Each channel is convolved by itself, with M filters.</summary>
/// <remarks>x [N,H,W,C], kernel [R,S,C,M], bias [C·M], y [N,P,Q,C·M], channel c·M + m. Matches Keras's DepthwiseConv2D.</remarks>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class DepthwiseConv2D(int filterH, int filterW) : BorderedConvolution2D(filterH, filterW)
{
    private Parameter? _kernel;

    /// <summary>M, filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.Output(inputs[0], inputs[0][-1] * DepthMultiplier);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _kernel = AddParameter("kernel", new Shape(FilterSize.Height, FilterSize.Width, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: KernelRegularizer);
        CreateBias(new Shape(channels * DepthMultiplier));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0], kernel = Use(tape, _kernel!);
        var op = new DepthwiseConv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Window.Border(x.Shape[1], x.Shape[2]));
        return Activation.Apply(tape, Bias is null ? tape.Run(op, x, kernel) : tape.Run(op, x, kernel, Use(tape, Bias)));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["depth_multiplier"] = DepthMultiplier;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new DepthwiseConv2D(w.FilterH, w.FilterW)
        {
            Stored = config,
            DepthMultiplier = (int)config["depth_multiplier"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

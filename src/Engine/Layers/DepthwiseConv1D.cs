using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Each channel of a sequence is convolved by itself, with M filters.</summary>
/// <remarks>
/// x [N,T,C], kernel [S,C,M], bias [C·M], y [N,Q,C·M], channel c·M + m. A sequence is an image of one row. Matches Keras's DepthwiseConv1D.
/// </remarks>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class DepthwiseConv1D(int filterSize) : Convolution1D(filterSize)
{
    private Parameter? _kernel;

    /// <summary>M, filters a channel.</summary>
    public int DepthMultiplier { get; init; } = 1;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.OutputLine(inputs[0], inputs[0][-1] * DepthMultiplier);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _kernel = AddParameter("kernel", new Shape(FilterSize, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: KernelRegularizer);
        CreateBias(new Shape(channels * DepthMultiplier));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]);
        Tensor kernel = tape.Run(new ReshapeOp([1, .. _kernel!.Shape]), Use(tape, _kernel));
        var op = new DepthwiseConv2DOp(1, Strides, 1, Dilation, Window.Border(1, inputs[0].Shape[1]));
        Tensor y = Activation.Apply(tape, Bias is null ? Then(tape, x, op, kernel) : Then(tape, x, op, kernel, Use(tape, Bias)));
        tape.Release(kernel);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
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
        return new DepthwiseConv1D(w.FilterW)
        {
            Stored = config,
            DepthMultiplier = (int)config["depth_multiplier"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

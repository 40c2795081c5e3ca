using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Each channel of a sequence is convolved by itself, with M filters.</summary>
/// <remarks>
/// x [N,T,C], kernel [S,C,M], bias [C·M], y [N,Q,C·M], channel c·M + m. A sequence is an image of one row. Matches Keras's DepthwiseConv1D.
/// </remarks>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class DepthwiseConv1D(int filterSize) : Layer
{
    private Parameter? _kernel, _bias;

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

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private Window Taps => Window.Line(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.OutputLine(inputs[0], inputs[0][-1] * DepthMultiplier);

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        int channels = inputs[0][-1];
        _kernel = AddParameter("kernel", new Shape(FilterSize, channels, DepthMultiplier), Initializers.GlorotUniformDepthwise, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(channels * DepthMultiplier), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]);
        Tensor kernel = tape.Run(new ReshapeOp([1, .. _kernel!.Shape]), Use(tape, _kernel));
        var op = new DepthwiseConv2DOp(1, Strides, 1, Dilation, Taps.Border(1, inputs[0].Shape[1]));
        Tensor y = Activation.Apply(tape, _bias is null ? Then(tape, x, op, kernel) : Then(tape, x, op, kernel, Use(tape, _bias)));
        tape.Release(kernel);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
        config["depth_multiplier"] = DepthMultiplier;
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new DepthwiseConv1D(w.FilterW)
        {
            DepthMultiplier = (int)config["depth_multiplier"]!,
            Strides = w.StrideW,
            Dilation = w.DilationW,
            Padding = w.Padding,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

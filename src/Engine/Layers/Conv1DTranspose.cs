using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>The adjoint of a strided convolution over sequences, which lengthens: y = activation(transposed convolution of x by kernel + bias).</summary>
/// <remarks>
/// x [N,T,C], kernel [C,S,O] Glorot-uniform, bias [O] zeros, y [N,Q,O]. A sequence is an image of one row: see <see cref="Conv2DTranspose"/>.
/// Matches Keras's Conv1DTranspose.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class Conv1DTranspose(int filters, int filterSize) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Length of a filter.</summary>
    public int FilterSize { get; } = filterSize;

    /// <summary>Output positions for each of the input.</summary>
    public int Strides { get; init; } = 1;

    /// <summary>Spacing of the filter's taps.</summary>
    public int Dilation { get; init; } = 1;

    /// <summary>Border of the convolution that leads back: Same cuts the output to stride times the input.</summary>
    public Padding Padding { get; init; }

    /// <summary>Positions of the output beyond what the rule gives, less than the stride; null for Keras's default.</summary>
    public int? OutputPadding { get; init; }

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
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 2
        ? new Shape(Window.TransposedExtent(Padding, inputs[0][0], FilterSize, Strides, Dilation, OutputPadding), Filters)
        : throw new ShapeException($"takes sequences [T,C], not {inputs[0]}; sequences are [N,T,C].");

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], FilterSize, Filters), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        int extent = OutputShape([inputs[0].Shape.Tail()])[0];
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]), kernel = tape.Run(ImageView.OfFilter(_kernel!.Shape), Use(tape, _kernel));
        Tensor y = Then(tape, x, new Conv2DTransposeOp(1, extent, 1, Strides, 1, Dilation, Taps.Border(1, extent)), kernel);
        tape.Release(kernel);
        if (_bias is not null)
            y = Then(tape, y, new BinaryOp(BinaryFormula.Add), Use(tape, _bias));
        y = Activation.Apply(tape, y);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
        config["filters"] = Filters;
        config["output_padding"] = OutputPadding;
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv1DTranspose((int)config["filters"]!, w.FilterW)
        {
            Strides = w.StrideW,
            Dilation = w.DilationW,
            Padding = w.Padding,
            OutputPadding = (int?)config["output_padding"],
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>The adjoint of a strided convolution, which enlarges: y = activation(transposed convolution of x by kernel + bias).</summary>
/// <remarks>
/// x [N,H,W,C], kernel [C,R,S,O] Glorot-uniform, bias [O] zeros, y [N,P,Q,O]. P is H · stride with Padding.Same, and
/// H · stride + max(dilated R - stride, 0) with Padding.Valid. Matches Keras's Conv2DTranspose; Keras's kernel [R,S,O,C] comes here
/// as Conv2D's [R,S,C,O] does: its last axis moves to the front. Dumoulin and Visin 2016, arXiv:1603.07285, section 4.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class Conv2DTranspose(int filters, int filterH, int filterW) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Rows and columns of a filter.</summary>
    public (int Height, int Width) FilterSize { get; } = (filterH, filterW);

    /// <summary>Output rows and columns for each of the input.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Border of the convolution that leads back: Same cuts the output to stride times the input.</summary>
    public Padding Padding { get; init; }

    /// <summary>Rows and columns of the output beyond what the rule gives, less than the stride; null for Keras's default. It has its own base: see Keras.</summary>
    public (int Height, int Width)? OutputPadding { get; init; }

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private Window Taps => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, null);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3
        ? new Shape(
            Window.TransposedExtent(Padding, inputs[0][0], FilterSize.Height, Strides.Height, Dilation.Height, OutputPadding?.Height),
            Window.TransposedExtent(Padding, inputs[0][1], FilterSize.Width, Strides.Width, Dilation.Width, OutputPadding?.Width), Filters)
        : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}; images are [N,H,W,C].");

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], FilterSize.Height, FilterSize.Width, Filters), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape y = OutputShape([inputs[0].Shape.Tail()]);
        Padding2D cut = Taps.Border(y[0], y[1]);
        var op = new Conv2DTransposeOp(y[0], y[1], Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, cut);
        Tensor result = tape.Run(op, inputs[0], Use(tape, _kernel!));
        if (_bias is not null)
            result = Then(tape, result, new BinaryOp(BinaryFormula.Add), Use(tape, _bias));
        return Activation.Apply(tape, result);
    }

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
        config["filters"] = Filters;
        config["use_bias"] = UseBias;
        config["output_padding"] = OutputPadding is { } extra ? new JsonArray(extra.Height, extra.Width) : null;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv2DTranspose((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Strides = (w.StrideH, w.StrideW),
            Dilation = (w.DilationH, w.DilationW),
            Padding = w.Padding,
            OutputPadding = config["output_padding"] is JsonArray extra ? ((int)extra[0]!, (int)extra[1]!) : null,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

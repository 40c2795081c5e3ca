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

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    private Window Window => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, null);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3
        ? new Shape(Extent(inputs[0][0], FilterSize.Height, Strides.Height, Dilation.Height), Extent(inputs[0][1], FilterSize.Width, Strides.Width, Dilation.Width), Filters)
        : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}; images are [N,H,W,C].");

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], FilterSize.Height, FilterSize.Width, Filters), Initializers.GlorotUniformConv);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape y = OutputShape([inputs[0].Shape.Tail()]);
        Padding2D cut = Window.Border(y[0], y[1]);
        var op = new Conv2DTransposeOp(y[0], y[1], Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, cut);
        Tensor result = tape.Run(op, inputs[0], Use(tape, _kernel!));
        if (_bias is not null)
            result = Then(tape, result, new BinaryOp(BinaryFormula.Add), Use(tape, _bias));
        return Activation.Apply(tape, result);
    }

    private int Extent(int input, int filter, int stride, int dilation) => Padding == Padding.Same ? input * stride
        : input * stride + Math.Max(dilation * (filter - 1) + 1 - stride, 0);

    internal override void WriteConfig(JsonObject config)
    {
        Window.Write(config);
        config["filters"] = Filters;
        config["use_bias"] = UseBias;
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
            UseBias = (bool)config["use_bias"]!,
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

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
public sealed class Conv2DTranspose(int filters, int filterH, int filterW) : Convolution2D(filterH, filterW)
{
    private Parameter? _kernel;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>Rows and columns of the output beyond what the rule gives, less than the stride; null for Keras's default. It has its own base: see Keras.</summary>
    public (int Height, int Width)? OutputPadding { get; init; }

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformConv;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3
        ? new Shape(
            Window.TransposedExtent(Padding, inputs[0][0], FilterSize.Height, Strides.Height, Dilation.Height, OutputPadding?.Height),
            Window.TransposedExtent(Padding, inputs[0][1], FilterSize.Width, Strides.Width, Dilation.Width, OutputPadding?.Width), Filters)
        : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}; images are [N,H,W,C].");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], FilterSize.Height, FilterSize.Width, Filters), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape y = OutputShape([inputs[0].Shape.Tail()]);
        Padding2D cut = Window.Border(y[0], y[1]);
        var op = new Conv2DTransposeOp(y[0], y[1], Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, cut);
        Tensor result = tape.Run(op, inputs[0], Use(tape, _kernel!));
        result = AddBias(tape, result);
        return Activation.Apply(tape, result);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["output_padding"] = OutputPadding is { } extra ? new JsonArray(extra.Height, extra.Width) : null;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv2DTranspose((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Stored = config,
            OutputPadding = config["output_padding"] is JsonArray extra ? ((int)extra[0]!, (int)extra[1]!) : null,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

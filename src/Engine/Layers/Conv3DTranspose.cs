using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>The adjoint of a strided convolution over volumes, which enlarges: y = activation(transposed convolution of x by kernel + bias).</summary>
/// <remarks>
/// x [N,D,H,W,C], kernel [C,T,R,S,O] Glorot-uniform, bias [O] zeros, y [N,P,Q,R,O]: each slice gives T slices by a transposed convolution over images,
/// which are added up where they overlap. Matches Keras's Conv3DTranspose; see <see cref="Conv2DTranspose"/>.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterD">Slices of a filter.</param>
/// <param name="filterH">Rows of a filter.</param>
/// <param name="filterW">Columns of a filter.</param>
public sealed class Conv3DTranspose(int filters, int filterD, int filterH, int filterW) : Convolution3D(filterD, filterH, filterW)
{
    private Parameter? _kernel;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>Slices, rows and columns of the output beyond what the rule gives, less than the stride; null for Keras's default.</summary>
    public (int Depth, int Height, int Width)? OutputPadding { get; init; }

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformConv;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        Window3D.CheckVolume(x);
        return new Shape(
            Window.TransposedExtent(Padding, x[0], FilterSize.Depth, Strides.Depth, Dilation.Depth, OutputPadding?.Depth),
            Window.TransposedExtent(Padding, x[1], FilterSize.Height, Strides.Height, Dilation.Height, OutputPadding?.Height),
            Window.TransposedExtent(Padding, x[2], FilterSize.Width, Strides.Width, Dilation.Width, OutputPadding?.Width), Filters);
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter(
            "kernel", new Shape(inputs[0][-1], FilterSize.Depth, FilterSize.Height, FilterSize.Width, Filters), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape, y = OutputShape([x.Tail()]);
        Tensor kernel = tape.Run(ImageView.DepthLast, Use(tape, _kernel!));
        kernel = Then(tape, kernel, ImageView.OfSliceFilter(kernel.Shape));
        var op = new Conv2DTransposeOp(y[1], y[2], Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Taps.Slice.Border(y[1], y[2]));
        Tensor t = Then(tape, tape.Run(ImageView.OfSlices(x), inputs[0]), op, kernel); // [N·D,Q,R,T·O]
        tape.Release(kernel);
        t = Then(tape, t, ImageView.ToVolume(t.Shape, x[1]));
        t = Then(tape, t, new FoldOp(1, y[0], FilterSize.Depth, Strides.Depth, Dilation.Depth, Taps.DepthBorder(y[0]).Front));
        t = AddBias(tape, t);
        return Activation.Apply(tape, t);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["output_padding"] = OutputPadding is { } extra ? new JsonArray(extra.Depth, extra.Height, extra.Width) : null;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window3D w = Window3D.Read(config);
        return new Conv3DTranspose((int)config["filters"]!, w.Filter.Depth, w.Filter.Height, w.Filter.Width)
        {
            Stored = config,
            OutputPadding = config["output_padding"] is JsonArray extra ? ((int)extra[0]!, (int)extra[1]!, (int)extra[2]!) : null,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

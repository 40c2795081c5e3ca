using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>The adjoint of a strided convolution over sequences, which lengthens: y = activation(transposed convolution of x by kernel + bias).</summary>
/// <remarks>
/// x [N,T,C], kernel [C,S,O] Glorot-uniform, bias [O] zeros, y [N,Q,O]. A sequence is an image of one row: see <see cref="Conv2DTranspose"/>.
/// Matches Keras's Conv1DTranspose.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class Conv1DTranspose(int filters, int filterSize) : Convolution1D(filterSize)
{
    private Parameter? _kernel;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>Positions of the output beyond what the rule gives, less than the stride; null for Keras's default.</summary>
    public int? OutputPadding { get; init; }

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformConv;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 2
        ? new Shape(Window.TransposedExtent(Padding, inputs[0][0], FilterSize, Strides, Dilation, OutputPadding), Filters)
        : throw new ShapeException($"takes sequences [T,C], not {inputs[0]}; sequences are [N,T,C].");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(inputs[0][-1], FilterSize, Filters), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        int extent = OutputShape([inputs[0].Shape.Tail()])[0];
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]), kernel = tape.Run(ImageView.OfFilter(_kernel!.Shape), Use(tape, _kernel));
        Tensor y = Then(tape, x, new Conv2DTransposeOp(1, extent, 1, Strides, 1, Dilation, Window.Border(1, extent)), kernel);
        tape.Release(kernel);
        y = AddBias(tape, y);
        y = Activation.Apply(tape, y);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["output_padding"] = OutputPadding;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv1DTranspose((int)config["filters"]!, w.FilterW)
        {
            Stored = config,
            OutputPadding = (int?)config["output_padding"],
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

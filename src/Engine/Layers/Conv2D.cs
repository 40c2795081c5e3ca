using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Convolution over images: y = activation(x * kernel + bias).</summary>
/// <remarks>x [N,H,W,C], kernel [O,R,S,C/groups] Glorot-uniform, bias [O] zeros, y [N,P,Q,O]. Matches Keras's Conv2D.</remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class Conv2D(int filters, int filterH, int filterW) : BorderedConvolution2D(filterH, filterW)
{
    private Parameter? _kernel;

    /// <summary>A convolution with square filters.</summary>
    /// <param name="filters">O, the number of output channels.</param>
    /// <param name="filterSize">R and S, rows and columns of a filter.</param>
    public Conv2D(int filters, int filterSize)
        : this(filters, filterSize, filterSize)
    {
    }

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters > 0 ? filters : throw new ArgumentOutOfRangeException(nameof(filters), filters, "A convolution has one filter or more.");

    /// <summary>Channels are split into this many groups that do not mix.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Fills the kernel of a new layer.</summary>
    public Initializer KernelInitializer { get; init; } = Initializers.GlorotUniformConv;

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape y = Window.Output(inputs[0], Filters);
        CheckGroups(inputs[0][-1], Filters, Groups);
        return y;
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(Filters, FilterSize.Height, FilterSize.Width, inputs[0][-1] / Groups), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0], kernel = Use(tape, _kernel!);
        var op = new Conv2DOp(Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Window.Border(x.Shape[1], x.Shape[2]), Groups);
        return Activation.Apply(tape, Bias is null ? tape.Run(op, x, kernel) : tape.Run(op, x, kernel, Use(tape, Bias)));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["groups"] = Groups;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new Conv2D((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Stored = config,
            Groups = (int)config["groups"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Convolution over sequences: y = activation(x * kernel + bias).</summary>
/// <remarks>
/// x [N,T,C], kernel [O,S,C/groups] Glorot-uniform, bias [O] zeros, y [N,Q,O]. A sequence is an image of one row. Matches Keras's Conv1D; with
/// Padding.Causal output t sees x up to t alone. van den Oord et al. 2016, arXiv:1609.03499, section 2.1.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class Conv1D(int filters, int filterSize) : Convolution1D(filterSize)
{
    private Parameter? _kernel;

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
        Shape y = Window.OutputLine(inputs[0], Filters);
        CheckGroups(inputs[0][-1], Filters, Groups);
        return y;
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape(Filters, FilterSize, inputs[0][-1] / Groups), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = tape.Run(ImageView.OfSequence(inputs[0].Shape), inputs[0]), kernel = tape.Run(ImageView.OfFilter(_kernel!.Shape), Use(tape, _kernel));
        var op = new Conv2DOp(1, Strides, 1, Dilation, Window.Border(1, inputs[0].Shape[1]), Groups);
        Tensor y = Activation.Apply(tape, Bias is null ? Then(tape, x, op, kernel) : Then(tape, x, op, kernel, Use(tape, Bias)));
        tape.Release(kernel);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
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
        return new Conv1D((int)config["filters"]!, w.FilterW)
        {
            Stored = config,
            Groups = (int)config["groups"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

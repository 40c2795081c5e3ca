using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Convolution over volumes: y = activation(x * kernel + bias).</summary>
/// <remarks>
/// x [N,D,H,W,C], kernel [O,T,R,S,C/groups] Glorot-uniform, bias [O] zeros, y [N,P,Q,R,O]. The T slices under a filter become channels of one
/// image, and the convolution one over images. Matches Keras's Conv3D. Ji et al. 2013.
/// </remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterD">Slices of a filter.</param>
/// <param name="filterH">Rows of a filter.</param>
/// <param name="filterW">Columns of a filter.</param>
public sealed class Conv3D(int filters, int filterD, int filterH, int filterW) : Convolution3D(filterD, filterH, filterW)
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
        Shape y = Taps.Output(inputs[0], Filters);
        CheckGroups(inputs[0][-1], Filters, Groups);
        return y;
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter(
            "kernel", new Shape(Filters, FilterSize.Depth, FilterSize.Height, FilterSize.Width, inputs[0][-1] / Groups), KernelInitializer, regularizer: KernelRegularizer);
        CreateBias(new Shape(Filters));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        Activation.Apply(tape, Convolve(tape, inputs[0], Use(tape, _kernel!), Bias is null ? null : Use(tape, Bias), Taps, Groups));

    /// <summary>The convolution of x [N,D,H,W,I] and kernel [O,Q,R,S,I / groups].</summary>
    internal static Tensor Convolve(Tape tape, Tensor input, Tensor weights, Tensor? bias, Window3D taps, int groups)
    {
        Shape shape = input.Shape;
        (int front, int back) = taps.DepthBorder(shape[1]);
        Tensor x = tape.Run(new UnfoldOp(1, taps.Filter.Depth, taps.Strides.Depth, taps.Dilation.Depth, front, back, groups), input); // [N,P,H,W,T·C]
        int depth = x.Shape[1];
        x = Then(tape, x, ImageView.OfSlices(x.Shape));
        Tensor kernel = tape.Run(ImageView.DepthLast, weights);
        kernel = Then(tape, kernel, ImageView.OfSliceFilter(kernel.Shape));
        var op = new Conv2DOp(taps.Strides.Height, taps.Strides.Width, taps.Dilation.Height, taps.Dilation.Width, taps.Slice.Border(shape[2], shape[3]), groups);
        Tensor y = bias is null ? Then(tape, x, op, kernel) : Then(tape, x, op, kernel, bias);
        tape.Release(kernel);
        return Then(tape, y, ImageView.ToVolume(y.Shape, depth));
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
        Window3D w = Window3D.Read(config);
        return new Conv3D((int)config["filters"]!, w.Filter.Depth, w.Filter.Height, w.Filter.Width)
        {
            Stored = config,
            Groups = (int)config["groups"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

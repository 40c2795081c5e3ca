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
public sealed class Conv3D(int filters, int filterD, int filterH, int filterW) : Layer
{
    private Parameter? _kernel, _bias;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; } = filters;

    /// <summary>Slices, rows and columns of a filter.</summary>
    public (int Depth, int Height, int Width) FilterSize { get; } = (filterD, filterH, filterW);

    /// <summary>Step between windows.</summary>
    public (int Depth, int Height, int Width) Strides { get; init; } = (1, 1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Depth, int Height, int Width) Dilation { get; init; } = (1, 1, 1);

    /// <summary>Border by rule.</summary>
    public Padding Padding { get; init; }

    /// <summary>Channels are split into this many groups that do not mix.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>False leaves the bias out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    private Window3D Taps => new(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape y = Taps.Output(inputs[0], Filters);
        return inputs[0][-1] % Groups == 0 && Filters % Groups == 0 ? y
            : throw new ShapeException($"{inputs[0][-1]} input and {Filters} output channels cannot be split into {Groups} groups.");
    }

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter(
            "kernel", new Shape(Filters, FilterSize.Depth, FilterSize.Height, FilterSize.Width, inputs[0][-1] / Groups), Initializers.GlorotUniformConv, regularizer: KernelRegularizer);
        if (UseBias)
            _bias = AddParameter("bias", new Shape(Filters), Initializers.Zeros, regularizer: BiasRegularizer);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        Activation.Apply(tape, Convolve(tape, inputs[0], Use(tape, _kernel!), _bias is null ? null : Use(tape, _bias), Taps, Groups));

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

    internal override void WriteConfig(JsonObject config)
    {
        Taps.Write(config);
        config["filters"] = Filters;
        config["groups"] = Groups;
        config["use_bias"] = UseBias;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    internal static Layer Read(JsonNode config)
    {
        Window3D w = Window3D.Read(config);
        return new Conv3D((int)config["filters"]!, w.Filter.Depth, w.Filter.Height, w.Filter.Width)
        {
            Strides = w.Strides,
            Dilation = w.Dilation,
            Padding = w.Padding,
            Groups = (int)config["groups"]!,
            UseBias = (bool)config["use_bias"]!,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
            BiasRegularizer = Regularizer.Read(config["bias_regularizer"]),
            Activation = Enum.Parse<Activation>((string)config["activation"]!),
        };
    }
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the locally connected layers share: windows as in a convolution, but at each place a weight of its own.</summary>
/// <remarks>
/// The windows, as rows of their numbers, are multiplied place by place: kernel [places, numbers of a window, O] Glorot-uniform and bias [.., O] for each
/// place, as Keras 2's implementation 1 stores them.
/// </remarks>
public abstract class LocallyConnected : Convolution
{
    private Parameter? _kernel;

    private protected LocallyConnected(int filters) => Filters = filters;

    /// <summary>Number of output channels.</summary>
    public int Filters { get; }

    /// <summary>What a large kernel costs; null for nothing.</summary>
    public Regularizer? KernelRegularizer { get; init; }

    private protected abstract Window Taps { get; }

    private protected override void WriteWindow(JsonObject config) => Taps.Write(config);

    private protected abstract Shape ImageOf(Shape sample);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        Shape y = OutputShape(inputs);
        int places = checked((int)(y.Count / Filters)), numbers = Taps.FilterH * Taps.FilterW * inputs[0][-1];
        _kernel = AddParameter("kernel", new Shape(places, numbers, Filters), Initializers.GlorotUniformDepthwise, regularizer: KernelRegularizer);
        CreateBias(y);
    }

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => built[0].Equals(inputs[0]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape sample = inputs[0].Shape.Tail(), image = ImageOf(sample), output = OutputShape([sample]);
        int batch = inputs[0].Shape[0];
        Window w = Taps;
        Padding2D border = w.Border(image[0], image[1]);
        Tensor t = tape.Run(new ReshapeOp([batch, .. image]), inputs[0]);
        t = Then(tape, t, new UnfoldOp(2, w.FilterW, w.StrideW, 1, border.Left, border.Right)); // [N,H,Q,S·C]
        t = Then(tape, t, new UnfoldOp(1, w.FilterH, w.StrideH, 1, border.Top, border.Bottom)); // [N,P,Q,R·S·C]
        t = Then(tape, t, new ReshapeOp(batch, -1, t.Shape[-1]));
        t = Then(tape, t, new PermuteOp(1, 0, 2));
        t = Then(tape, t, new MatMulOp(), Use(tape, _kernel!)); // [P·Q,N,O]
        t = Then(tape, t, new PermuteOp(1, 0, 2));
        t = Then(tape, t, new ReshapeOp([batch, .. output]));
        t = AddBias(tape, t);
        return Activation.Apply(tape, t);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["filters"] = Filters;
        config["kernel_regularizer"] = Regularizer.Write(KernelRegularizer);
    }
}

/// <summary>A convolution over sequences whose weights differ from place to place. Matches Keras 2's LocallyConnected1D.</summary>
/// <remarks>x [N,T,C], kernel [Q,S·C,O], bias [Q,O], y [N,Q,O].</remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterSize">S, the length of a filter.</param>
public sealed class LocallyConnected1D(int filters, int filterSize) : LocallyConnected(filters)
{
    /// <summary>Length of a filter.</summary>
    public int FilterSize { get; } = filterSize;

    /// <summary>Step between windows.</summary>
    public int Strides { get; init; } = 1;

    private protected override Window Taps => Window.Line(FilterSize, Strides, 1, Padding);

    private protected override Shape ImageOf(Shape sample) => sample.Prepend(1);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.OutputLine(inputs[0], Filters);

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new LocallyConnected1D((int)config["filters"]!, w.FilterW)
        {
            Strides = w.StrideW,
            Stored = config,
            Padding = w.Padding,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

/// <summary>A convolution over images whose weights differ from place to place. Matches Keras 2's LocallyConnected2D.</summary>
/// <remarks>x [N,H,W,C], kernel [P·Q,R·S·C,O], bias [P,Q,O], y [N,P,Q,O].</remarks>
/// <param name="filters">O, the number of output channels.</param>
/// <param name="filterH">R, rows of a filter.</param>
/// <param name="filterW">S, columns of a filter.</param>
public sealed class LocallyConnected2D(int filters, int filterH, int filterW) : LocallyConnected(filters)
{
    /// <summary>Rows and columns of a filter.</summary>
    public (int Height, int Width) FilterSize { get; } = (filterH, filterW);

    /// <summary>Step between windows.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    private protected override Window Taps => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, 1, 1, Padding, null);

    private protected override Shape ImageOf(Shape sample) => sample;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.Output(inputs[0], Filters);

    internal static Layer Read(JsonNode config)
    {
        Window w = Window.Read(config);
        return new LocallyConnected2D((int)config["filters"]!, w.FilterH, w.FilterW)
        {
            Strides = (w.StrideH, w.StrideW),
            Stored = config,
            Padding = w.Padding,
            KernelRegularizer = Regularizer.Read(config["kernel_regularizer"]),
        };
    }
}

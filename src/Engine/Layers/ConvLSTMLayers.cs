using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A convolutional LSTM over sequences of sequences: x [N,T,W,C]. Matches Keras's ConvLSTM1D. Shapes and parameters: <see cref="ConvLSTM"/>.</summary>
public sealed class ConvLSTM1D : ConvLSTM
{
    /// <param name="filters">Channels of the output.</param>
    /// <param name="filterSize">Taps of the filter.</param>
    public ConvLSTM1D(int filters, int filterSize)
        : base(filters) => FilterSize = filterSize;

    internal ConvLSTM1D(JsonNode config)
        : base(config)
    {
        Window w = Window.Read(config);
        (FilterSize, Strides, Dilation, Padding) = (w.FilterW, w.StrideW, w.DilationW, w.Padding);
    }

    /// <summary>Taps of the filter.</summary>
    public int FilterSize { get; }

    /// <summary>Step of the window over the inputs.</summary>
    public int Strides { get; init; } = 1;

    /// <summary>Distance of the taps over the inputs.</summary>
    public int Dilation { get; init; } = 1;

    /// <summary>What happens at the borders of the inputs.</summary>
    public Padding Padding { get; init; }

    private protected override int[] Taps => [FilterSize];

    private Window Input => Window.Line(FilterSize, Strides, Dilation, Padding);

    private protected override Shape Convolved(Shape sample) => Input.OutputLine(sample, Filters);

    private protected override Tensor Convolve(Tape tape, Tensor x, Tensor kernel, Tensor? bias, bool isRecurrent)
    {
        Window w = isRecurrent ? Window.Line(FilterSize, 1, 1, Padding.Same) : Input;
        var op = new Conv2DOp(1, w.StrideW, 1, w.DilationW, w.Border(1, x.Shape[1]), 1);
        Tensor image = tape.Run(ImageView.OfSequence(x.Shape), x), filter = tape.Run(ImageView.OfFilter(kernel.Shape), kernel);
        Tensor y = bias is null ? Then(tape, image, op, filter) : Then(tape, image, op, filter, bias);
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        Input.Write(config);
    }
}

/// <summary>A convolutional LSTM over sequences of images: x [N,T,H,W,C]. Matches Keras's ConvLSTM2D. Shapes and parameters: <see cref="ConvLSTM"/>.</summary>
public sealed class ConvLSTM2D : ConvLSTM
{
    /// <param name="filters">Channels of the output.</param>
    /// <param name="filterH">Rows of the filter.</param>
    /// <param name="filterW">Columns of the filter.</param>
    public ConvLSTM2D(int filters, int filterH, int filterW)
        : base(filters) => FilterSize = (filterH, filterW);

    internal ConvLSTM2D(JsonNode config)
        : base(config)
    {
        Window w = Window.Read(config);
        (FilterSize, Strides, Dilation, Padding) = ((w.FilterH, w.FilterW), (w.StrideH, w.StrideW), (w.DilationH, w.DilationW), w.Padding);
    }

    /// <summary>Rows and columns of the filter.</summary>
    public (int Height, int Width) FilterSize { get; }

    /// <summary>Steps of the window over the inputs.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    /// <summary>Distance of the taps over the inputs.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>What happens at the borders of the inputs.</summary>
    public Padding Padding { get; init; }

    private protected override int[] Taps => [FilterSize.Height, FilterSize.Width];

    private Window Input => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, null);

    private protected override Shape Convolved(Shape sample) => Input.Output(sample, Filters);

    private protected override Tensor Convolve(Tape tape, Tensor x, Tensor kernel, Tensor? bias, bool isRecurrent)
    {
        Window w = isRecurrent ? new Window(FilterSize.Height, FilterSize.Width, 1, 1, 1, 1, Padding.Same, null) : Input;
        var op = new Conv2DOp(w.StrideH, w.StrideW, w.DilationH, w.DilationW, w.Border(x.Shape[1], x.Shape[2]), 1);
        return bias is null ? tape.Run(op, x, kernel) : tape.Run(op, x, kernel, bias);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        Input.Write(config);
    }
}

/// <summary>A convolutional LSTM over sequences of volumes: x [N,T,D,H,W,C]. Matches Keras's ConvLSTM3D. Shapes and parameters: <see cref="ConvLSTM"/>.</summary>
public sealed class ConvLSTM3D : ConvLSTM
{
    /// <param name="filters">Channels of the output.</param>
    /// <param name="filterD">Slices of the filter.</param>
    /// <param name="filterH">Rows of the filter.</param>
    /// <param name="filterW">Columns of the filter.</param>
    public ConvLSTM3D(int filters, int filterD, int filterH, int filterW)
        : base(filters) => FilterSize = (filterD, filterH, filterW);

    internal ConvLSTM3D(JsonNode config)
        : base(config)
    {
        Window3D w = Window3D.Read(config);
        (FilterSize, Strides, Dilation, Padding) = (w.Filter, w.Strides, w.Dilation, w.Padding);
    }

    /// <summary>Slices, rows and columns of the filter.</summary>
    public (int Depth, int Height, int Width) FilterSize { get; }

    /// <summary>Steps of the window over the inputs.</summary>
    public (int Depth, int Height, int Width) Strides { get; init; } = (1, 1, 1);

    /// <summary>Distance of the taps over the inputs.</summary>
    public (int Depth, int Height, int Width) Dilation { get; init; } = (1, 1, 1);

    /// <summary>What happens at the borders of the inputs.</summary>
    public Padding Padding { get; init; }

    private protected override int[] Taps => [FilterSize.Depth, FilterSize.Height, FilterSize.Width];

    private Window3D Input => new(FilterSize, Strides, Dilation, Padding);

    private protected override Shape Convolved(Shape sample) => Input.Output(sample, Filters);

    private protected override Tensor Convolve(Tape tape, Tensor x, Tensor kernel, Tensor? bias, bool isRecurrent) =>
        Conv3D.Convolve(tape, x, kernel, bias, isRecurrent ? new Window3D(FilterSize, (1, 1, 1), (1, 1, 1), Padding.Same) : Input, 1);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        Input.Write(config);
    }
}

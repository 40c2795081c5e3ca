using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What all convolutions share: a border, a bias and an activation.</summary>
public abstract class Convolution : Layer
{
    private protected Convolution()
    {
    }

    /// <summary>Border by rule. A transposed convolution takes that of the convolution that leads back: Same cuts the output to stride times the input.</summary>
    public Padding Padding { get; init; }

    /// <summary>False leaves the bias out, as before a BatchNormalization.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Applied to the output.</summary>
    public Activation Activation { get; init; }

    /// <summary>Fills the bias of a new layer.</summary>
    public Initializer BiasInitializer { get; init; } = Initializers.Zeros;

    /// <summary>What a large bias costs; null for nothing.</summary>
    public Regularizer? BiasRegularizer { get; init; }

    /// <summary>Null where there is none.</summary>
    private protected Parameter? Bias { get; private set; }

    /// <summary>These properties as <see cref="WriteConfig"/> wrote them; the window and its border are read by those who know its rank.</summary>
    private protected JsonNode Stored
    {
        init
        {
            UseBias = (bool)value["use_bias"]!;
            BiasRegularizer = Regularizer.Read(value["bias_regularizer"]);
            Activation = Enum.Parse<Activation>((string)value["activation"]!);
        }
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        WriteWindow(config);
        config["use_bias"] = UseBias;
        config["bias_regularizer"] = Regularizer.Write(BiasRegularizer);
        config["activation"] = Activation.ToString();
    }

    /// <summary>Writes the window and its border.</summary>
    private protected abstract void WriteWindow(JsonObject config);

    private protected void CreateBias(Shape shape)
    {
        if (UseBias)
            Bias = AddParameter("bias", shape, BiasInitializer, regularizer: BiasRegularizer);
    }

    /// <summary>For ops that take no bias; gives t back.</summary>
    private protected Tensor AddBias(Tape tape, Tensor t) => Bias is null ? t : Then(tape, t, new BinaryOp(BinaryFormula.Add), Use(tape, Bias));

    /// <exception cref="ShapeException">The channels cannot be split into the groups.</exception>
    private protected static void CheckGroups(int input, int output, int groups)
    {
        if (groups < 1 || input % groups != 0 || output % groups != 0)
            throw new ShapeException($"{input} input and {output} output channels cannot be split into {groups} groups.");
    }
}

/// <summary>What convolutions over sequences [N,T,C] share. A sequence is an image of one row.</summary>
public abstract class Convolution1D : Convolution
{
    private protected Convolution1D(int filterSize) => FilterSize = filterSize;

    /// <summary>Length of a filter.</summary>
    public int FilterSize { get; }

    /// <summary>Step between windows; of a transposed convolution, output positions for each of the input.</summary>
    public int Strides { get; init; } = 1;

    /// <summary>Spacing of the filter's taps.</summary>
    public int Dilation { get; init; } = 1;

    internal Window Window => Window.Line(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc cref="Convolution.Stored"/>
    private protected new JsonNode Stored
    {
        init
        {
            base.Stored = value;
            Window w = Window.Read(value);
            Padding = w.Padding;
            Strides = w.StrideW;
            Dilation = w.DilationW;
        }
    }

    private protected override void WriteWindow(JsonObject config) => Window.Write(config);
}

/// <summary>What convolutions over images [N,H,W,C] share.</summary>
public abstract class Convolution2D : Convolution
{
    private protected Convolution2D(int filterH, int filterW) => FilterSize = (filterH, filterW);

    /// <summary>Rows and columns of a filter.</summary>
    public (int Height, int Width) FilterSize { get; }

    /// <summary>Step between windows; of a transposed convolution, output rows and columns for each of the input.</summary>
    public (int Height, int Width) Strides { get; init; } = (1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    internal virtual Window Window => new(FilterSize.Height, FilterSize.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, null);

    /// <inheritdoc cref="Convolution.Stored"/>
    private protected new JsonNode Stored
    {
        init
        {
            base.Stored = value;
            Window w = Window.Read(value);
            Padding = w.Padding;
            Strides = (w.StrideH, w.StrideW);
            Dilation = (w.DilationH, w.DilationW);
        }
    }

    private protected override void WriteWindow(JsonObject config) => Window.Write(config);
}

/// <summary>What convolutions over images whose border may be given in numbers share: all but the transposed one.</summary>
public abstract class BorderedConvolution2D : Convolution2D
{
    private protected BorderedConvolution2D(int filterH, int filterW) : base(filterH, filterW)
    {
    }

    /// <summary>Border by numbers, possibly uneven; it overrides <see cref="Convolution.Padding"/>.</summary>
    public Padding2D? ExplicitPadding { get; init; }

    internal override Window Window => base.Window with { Explicit = ExplicitPadding };

    /// <inheritdoc cref="Convolution.Stored"/>
    private protected new JsonNode Stored
    {
        init
        {
            base.Stored = value;
            ExplicitPadding = Window.Read(value).Explicit;
        }
    }
}

/// <summary>What convolutions over volumes [N,D,H,W,C] share.</summary>
public abstract class Convolution3D : Convolution
{
    private protected Convolution3D(int filterD, int filterH, int filterW) => FilterSize = (filterD, filterH, filterW);

    /// <summary>Slices, rows and columns of a filter.</summary>
    public (int Depth, int Height, int Width) FilterSize { get; }

    /// <summary>Step between windows; of a transposed convolution, output slices, rows and columns for each of the input.</summary>
    public (int Depth, int Height, int Width) Strides { get; init; } = (1, 1, 1);

    /// <summary>Spacing of the filter's taps.</summary>
    public (int Depth, int Height, int Width) Dilation { get; init; } = (1, 1, 1);

    private protected Window3D Taps => new(FilterSize, Strides, Dilation, Padding);

    /// <inheritdoc cref="Convolution.Stored"/>
    private protected new JsonNode Stored
    {
        init
        {
            base.Stored = value;
            Window3D w = Window3D.Read(value);
            Padding = w.Padding;
            Strides = w.Strides;
            Dilation = w.Dilation;
        }
    }

    private protected override void WriteWindow(JsonObject config) => Taps.Write(config);
}

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the pooling layers share: one number for each window of each channel.</summary>
/// <remarks>x [N,H,W,C], y [N,P,Q,C].</remarks>
public abstract class Pooling2D : Layer
{
    private readonly PoolKind _kind;

    private protected Pooling2D(PoolKind kind, int pool, int? stride)
    {
        _kind = kind;
        PoolSize = (pool, pool);
        Strides = (stride ?? pool, stride ?? pool);
    }

    /// <summary>Rows and columns of a window.</summary>
    public (int Height, int Width) PoolSize { get; init; }

    /// <summary>Step between windows; by default the window's size.</summary>
    public (int Height, int Width) Strides { get; init; }

    /// <summary>Border by rule; <see cref="ExplicitPadding"/> overrides it. Padding never wins a maximum nor counts in an average.</summary>
    public Padding Padding { get; init; }

    /// <summary>Border by numbers, possibly uneven.</summary>
    public Padding2D? ExplicitPadding { get; init; }

    private Window Window => new(PoolSize.Height, PoolSize.Width, Strides.Height, Strides.Width, 1, 1, Padding, ExplicitPadding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Window.Output(inputs[0], inputs[0][-1]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Window w = Window;
        return tape.Run(new Pool2DOp(_kind, w.FilterH, w.FilterW, w.StrideH, w.StrideW, w.Border(inputs[0].Shape[1], inputs[0].Shape[2])), inputs[0]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => Window.Write(config);

    internal static Layer Read(PoolKind kind, JsonNode config)
    {
        Window w = Window.Read(config);
        (int, int) size = (w.FilterH, w.FilterW), strides = (w.StrideH, w.StrideW);
        return kind == PoolKind.Max
            ? new MaxPooling2D(w.FilterH) { PoolSize = size, Strides = strides, Padding = w.Padding, ExplicitPadding = w.Explicit }
            : new AveragePooling2D(w.FilterH) { PoolSize = size, Strides = strides, Padding = w.Padding, ExplicitPadding = w.Explicit };
    }
}

/// <summary>The largest number of each window; the gradient goes to the first of equals. Matches Keras's MaxPooling2D.</summary>
/// <param name="pool">Rows and columns of a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class MaxPooling2D(int pool = 2, int? stride = null) : Pooling2D(PoolKind.Max, pool, stride);

/// <summary>The mean of each window, padding not counted. Matches Keras's AveragePooling2D.</summary>
/// <param name="pool">Rows and columns of a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class AveragePooling2D(int pool = 2, int? stride = null) : Pooling2D(PoolKind.Average, pool, stride);

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the pooling layers over volumes share: one number for each window of each channel.</summary>
/// <remarks>
/// x [N,D,H,W,C], y [N,P,Q,R,C]. Slices are pooled first, then the depth: of maxima and of means over boxes that is the same, for the first of equal
/// maxima and for borders that do not count too.
/// </remarks>
public abstract class Pooling3D : Layer
{
    private readonly PoolKind _kind;

    private protected Pooling3D(PoolKind kind, int pool, int? stride)
    {
        _kind = kind;
        PoolSize = (pool, pool, pool);
        Strides = (stride ?? pool, stride ?? pool, stride ?? pool);
    }

    /// <summary>Slices, rows and columns of a window.</summary>
    public (int Depth, int Height, int Width) PoolSize { get; init; }

    /// <summary>Step between windows; by default the size given to the constructor.</summary>
    public (int Depth, int Height, int Width) Strides { get; init; }

    /// <summary>Border by rule: Valid or Same. Padding never wins a maximum nor counts in an average.</summary>
    public Padding Padding { get; init; }

    private Window3D Taps => new(PoolSize, Strides, (1, 1, 1), Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.Output(inputs[0], inputs[0][-1]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape, y = OutputShape([x.Tail()]);
        Tensor t = tape.Run(ImageView.OfSlices(x), inputs[0]);
        t = Then(tape, t, new Pool2DOp(_kind, PoolSize.Height, PoolSize.Width, Strides.Height, Strides.Width, Taps.Slice.Border(x[2], x[3])));
        t = Then(tape, t, new ReshapeOp(x[0], x[1], y[1] * y[2], y[3]));
        t = Then(tape, t, new Pool2DOp(_kind, PoolSize.Depth, 1, Strides.Depth, 1, Taps.Depth.Border(x[1], 1)));
        return Then(tape, t, new ReshapeOp([x[0], .. y]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => Taps.Write(config);

    internal static Layer Read(PoolKind kind, JsonNode config)
    {
        Window3D w = Window3D.Read(config);
        return kind == PoolKind.Max ? new MaxPooling3D { PoolSize = w.Filter, Strides = w.Strides, Padding = w.Padding }
            : new AveragePooling3D { PoolSize = w.Filter, Strides = w.Strides, Padding = w.Padding };
    }
}

/// <summary>The largest number of each window; the gradient goes to the first of equals. Matches Keras's MaxPooling3D.</summary>
/// <param name="pool">Slices, rows and columns of a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class MaxPooling3D(int pool = 2, int? stride = null) : Pooling3D(PoolKind.Max, pool, stride);

/// <summary>The mean of each window, padding not counted. Matches Keras's AveragePooling3D.</summary>
/// <param name="pool">Slices, rows and columns of a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class AveragePooling3D(int pool = 2, int? stride = null) : Pooling3D(PoolKind.Average, pool, stride);

using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the pooling layers over sequences share: one number for each window of each channel. A sequence is an image of one row.</summary>
/// <remarks>x [N,T,C], y [N,Q,C].</remarks>
public abstract class Pooling1D : Layer
{
    private readonly PoolKind _kind;

    private protected Pooling1D(PoolKind kind, int pool, int? stride) => (_kind, PoolSize, Strides) = (kind, pool, stride ?? pool);

    /// <summary>Positions in a window.</summary>
    public int PoolSize { get; }

    /// <summary>Step between windows; by default the window's size.</summary>
    public int Strides { get; }

    /// <summary>Border by rule: Valid or Same. Padding never wins a maximum nor counts in an average.</summary>
    public Padding Padding { get; init; }

    private Window Taps => Window.Line(PoolSize, Strides, 1, Padding);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Taps.OutputLine(inputs[0], inputs[0][-1]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape;
        Tensor y = Then(tape, tape.Run(ImageView.OfSequence(x), inputs[0]), new Pool2DOp(_kind, 1, PoolSize, 1, Strides, Taps.Border(1, x[1])));
        return Then(tape, y, ImageView.ToSequence(y.Shape));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => Taps.Write(config);

    internal static Layer Read(PoolKind kind, JsonNode config)
    {
        Window w = Window.Read(config);
        return kind == PoolKind.Max ? new MaxPooling1D(w.FilterW, w.StrideW) { Padding = w.Padding } : new AveragePooling1D(w.FilterW, w.StrideW) { Padding = w.Padding };
    }
}

/// <summary>The largest number of each window; the gradient goes to the first of equals. Matches Keras's MaxPooling1D.</summary>
/// <param name="pool">Positions in a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class MaxPooling1D(int pool = 2, int? stride = null) : Pooling1D(PoolKind.Max, pool, stride);

/// <summary>The mean of each window, padding not counted. Matches Keras's AveragePooling1D.</summary>
/// <param name="pool">Positions in a window.</param>
/// <param name="stride">Step between windows; by default the window's size.</param>
public sealed class AveragePooling1D(int pool = 2, int? stride = null) : Pooling1D(PoolKind.Average, pool, stride);

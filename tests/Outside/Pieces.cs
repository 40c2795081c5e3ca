using Graft;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Training;

namespace Outside;

/// <summary>The metric of docs/extending.md: mean of |prediction - label| over all outputs.</summary>
public sealed class MeanError() : Metric("mean_error")
{
    private double _sum;
    private long _count;

    public override double Result => _count == 0 ? 0 : _sum / _count;

    public override void Reset() => (_sum, _count) = (0, 0);

    public override void Update(MetricBatch batch)
    {
        for (int i = 0; i < batch.Predictions.Length; i++)
            _sum += Math.Abs(batch.Predictions[i] - batch.Labels[i]);
        _count += batch.Predictions.Length;
    }
}

/// <summary>The constraint of docs/extending.md: after each step, no kernel has a number below zero.</summary>
public sealed class NonNegative : Callback
{
    public override void OnBatchEnd(TrainingContext context, TrainingProgress progress)
    {
        foreach (Parameter kernel in context.Model.Parameters.Where(p => p.Name == "kernel"))
            kernel.Set([.. kernel.Value.ToArray().Select(w => MathF.Max(w, 0))]);
    }
}

/// <summary>Samples that are made when they are asked for: x in [-1, 1], label 2x + 1.</summary>
public sealed class Lines(int count, int batchSize) : BatchSource
{
    public override int Count => count;

    public override int BatchSize => batchSize;

    public override Shape SampleShape { get; } = new(1);

    public override Shape LabelShape { get; } = new(1);

    public override LabelKind LabelKind => LabelKind.Values;

    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        int[] order = Order(shuffleSeed: 3, epoch);
        foreach (int[] part in order.Chunk(batchSize).Skip(firstBatch))
        {
            float[] x = [.. part.Select(i => 2f * i / count - 1)];
            yield return new Batch(x, new Shape(x.Length, 1), [.. x.Select(v => 2 * v + 1)], new Shape(x.Length, 1)) { Indices = part };
        }
    }
}

/// <summary>Losses of one's own.</summary>
public static class Losses
{
    /// <summary>The loss of docs/extending.md: log cosh (p - y), as smooth as a square near 0 and as mild as |p - y| far away.</summary>
    public static Loss LogCosh { get; } = Loss.Of("log_cosh", (tape, prediction, labels) =>
    {
        Tensor d = tape.Run(new BinaryOp(BinaryFormula.Subtract), prediction, labels);
        Tensor soft = tape.Run(new UnaryOp(UnaryFormula.Softplus), tape.Run(new UnaryOp(UnaryFormula.Scale, -2), d));   // log(1 + exp(-2d))
        Tensor sum = tape.Run(new BinaryOp(BinaryFormula.Add), d, soft);
        return tape.Run(new BinaryOp(BinaryFormula.Subtract), sum, tape.Constant(new Shape(1), [MathF.Log(2)]));
    });

    /// <summary>The square of the error, to be held against the engine's.</summary>
    public static Loss Square { get; } = Loss.Of("square", (tape, prediction, labels) =>
        tape.Run(new UnaryOp(UnaryFormula.Square), tape.Run(new BinaryOp(BinaryFormula.Subtract), prediction, labels)));

    /// <summary>Takes the mean over the batch itself, which is the engine's part.</summary>
    public static Loss TooFew { get; } = Loss.Of("too_few", (tape, prediction, labels) => tape.Run(new ReduceOp(ReduceFormula.Mean, []), tape.Run(new BinaryOp(BinaryFormula.Subtract), prediction, labels)));
}

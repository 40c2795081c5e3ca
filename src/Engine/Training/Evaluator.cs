using System.Diagnostics;
using Graft.Autograd;
using Graft.Inference;

namespace Graft.Training;

/// <summary>Runs a model forward over a data set and gathers loss and metrics.</summary>
internal sealed class Evaluator(Model model, Loss loss, Metric[] metrics)
{
    public EvaluationResult Run(BatchSource data, bool keepPredictions, CancellationToken cancellationToken, FeatureCache? cache = null)
    {
        DataCheck.Check(model, loss, data);
        long start = Stopwatch.GetTimestamp();
        var running = new RunningMetrics(loss, metrics, ModelHead.Of(model).Units);
        running.Reset();
        ConfusionMatrix? confusion = ConfusionOf(data);
        float[][]? rows = keepPredictions ? new float[data.Count][] : null;
        float penalty = Regularization.CostOf(model);
        bool copies = keepPredictions || confusion is not null || running.ReadsOutputs;
        using var batches = new EpochReader(data, 0, 0, withoutInputs: cache?.HoldsEpoch(model.Plans.ForInference(), 0) ?? false, cancellationToken);
        for (int done = 0; batches.MoveNext(); done++)
        {
            Batch batch = batches.Current;
            DataCheck.CheckLabels(model, loss, batch);
            (float value, float[] outputs) = Measure(batch, data.BatchSize, cache, copies, cancellationToken)
                ?? Measure(batch = batches.WithInputs(done), data.BatchSize, cache, copies, cancellationToken)!.Value;
            if (rows is not null)
                Place(rows, outputs, batch, running.Samples);
            MetricBatch seen = running.Add(value + penalty, outputs, batch, data.LabelKind);
            confusion?.Add(seen);
        }
        Dictionary<string, double> results = running.Results();
        return new EvaluationResult(results["loss"], results.Where(r => r.Key != "loss").ToDictionary(), running.Samples,
            Stopwatch.GetElapsedTime(start).TotalSeconds, confusion, rows);
    }

    /// <summary>The loss of one batch, and its outputs where they are copied; null where it came without inputs and the cache has not got all of it.</summary>
    private (float Loss, float[] Outputs)? Measure(Batch batch, int typicalBatch, FeatureCache? cache, bool copies, CancellationToken cancellationToken)
    {
        if (batch.Inputs.Length == 0 && cache is null)
            return null;
        using var tape = new Tape(model.Device) { CancellationToken = cancellationToken, Precision = model.PlanOptions.Precision };
        if (model.Plans.ForInference() is { } plan)
        {
            lock (model.Plans.Lock)
            {
                Schedule schedule = plan.Prepare(batch.InputShape, typicalBatch);
                if (schedule.IsWhole)
                {
                    if (cache is null)
                        schedule.Run(batch.Inputs, cancellationToken);
                    else if (!cache.Run(plan, schedule, batch, epoch: 0, cancellationToken))
                        return null;
                    return Measure(tape, schedule.Output!, batch, copies);
                }
            }
        }
        return batch.Inputs.Length == 0 ? null : Measure(tape, model.Forward(tape, [tape.Constant(batch.InputShape, batch.Inputs)]), batch, copies);
    }

    private (float Loss, float[] Outputs) Measure(Tape tape, Tensor prediction, Batch batch, bool copies)
    {
        float[] outputs = copies ? prediction.ToArray() : [];
        return (loss.Mean(tape, prediction, tape.Constant(batch.LabelShape, batch.Labels), WeightsOf(tape, batch)).Item(), outputs);
    }

    /// <summary>The outputs of one batch, on the host: by the model's plan, or op by op where it has none.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">Row-major, [N, ...sample shape].</param>
    /// <param name="shape">Shape of <paramref name="inputs"/>.</param>
    /// <param name="typicalBatch">Samples of the other batches of the run, where this is the last and smaller.</param>
    /// <param name="cancellationToken">Ends it between two ops.</param>
    public static float[] Forward(Model model, ReadOnlySpan<float> inputs, Shape shape, int typicalBatch, CancellationToken cancellationToken)
    {
        if (model.Plans.ForInference() is { } plan)
        {
            lock (model.Plans.Lock)
            {
                Schedule schedule = plan.Prepare(shape, typicalBatch);
                if (schedule.IsWhole)
                {
                    schedule.Run(inputs, cancellationToken);
                    return schedule.Output!.ToArray();
                }
            }
        }
        using var tape = new Tape(model.Device) { CancellationToken = cancellationToken, Precision = model.PlanOptions.Precision };
        return model.Forward(tape, [tape.Constant(shape, inputs)]).ToArray();
    }

    /// <summary>Puts the outputs of a batch where its samples are in the data set.</summary>
    public static void Place(float[][] rows, float[] outputs, Batch batch, int next)
    {
        int i = 0;
        foreach (float[] row in Rows(outputs, batch.Size))
        {
            rows[batch.Indices.Length == batch.Size ? batch.Indices[i] : next + i] = row;
            i++;
        }
    }

    /// <summary>One array a sample.</summary>
    public static IEnumerable<float[]> Rows(float[] outputs, int samples) => outputs.Chunk(outputs.Length / samples);

    private static Tensor? WeightsOf(Tape tape, Batch batch) =>
        batch.SampleWeights is null ? null : tape.Constant(new Shape(batch.Size), batch.SampleWeights);

    private ConfusionMatrix? ConfusionOf(BatchSource data)
    {
        Shape output = model.Outputs[0].Shape;
        bool classes = output.Rank == 1 && data.LabelKind switch
        {
            LabelKind.Categorical or LabelKind.Sparse => output[0] > 1,
            LabelKind.Binary => data.LabelShape.Count == 1,
            _ => false,
        };
        return classes ? new ConfusionMatrix(Math.Max(2, output[0]), data.ClassNames) : null;
    }
}

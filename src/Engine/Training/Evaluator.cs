using System.Diagnostics;
using Graft.Autograd;
using Graft.Inference;

namespace Graft.Training;

/// <summary>Runs a model forward over a data set and gathers loss and metrics.</summary>
internal sealed class Evaluator(Model model, Objective objective)
{
    public EvaluationResult Run(BatchSource data, bool keepPredictions, CancellationToken cancellationToken, FeatureCache? cache = null)
    {
        DataCheck.Check(model, objective, data);
        long start = Stopwatch.GetTimestamp();
        var running = new RunningObjective(objective);
        running.Reset();
        IReadOnlyList<LabelSet> sets = data.LabelSets;
        ConfusionMatrix?[] confusions = [.. sets.Select((s, i) => ConfusionOf(s, model.Outputs[i].Shape))];
        float[][][] rows = keepPredictions ? [.. model.Outputs.Select(_ => new float[data.Count][])] : [];
        float penalty = Regularization.CostOf(model);
        bool copies = keepPredictions || objective.ReadsOutputs || Array.Exists(confusions, c => c is not null);
        using var batches = new EpochReader(data, 0, 0, withoutInputs: cache?.HoldsEpoch(isTraining: false, 0) ?? false, cancellationToken);
        for (int done = 0; batches.MoveNext(); done++)
        {
            Batch batch = batches.Current;
            DataCheck.CheckLabels(objective, batch);
            BatchOutcome outcome = Measure(batch, data.BatchSize, cache, copies, cancellationToken)
                ?? Measure(batch = batches.WithInputs(done), data.BatchSize, cache, copies, cancellationToken)!.Value;
            for (int i = 0; i < rows.Length; i++)
                Place(rows[i], outcome.Outputs[i], batch, running.Samples, data);
            running.Add(outcome with { Loss = outcome.Loss + penalty }, batch, sets, confusions);
        }
        CheckRows(rows, data);
        Dictionary<string, double> results = running.Results();
        return new EvaluationResult(results["loss"], results.Where(r => r.Key != "loss").ToDictionary(), running.Samples,
            Stopwatch.GetElapsedTime(start).TotalSeconds, confusions[0], rows.FirstOrDefault()) { Confusions = confusions, AllPredictions = rows };
    }

    /// <summary>What the model makes of one batch, outputs where they are copied; null where it came without inputs and the cache has not got all of it.</summary>
    private BatchOutcome? Measure(Batch batch, int typicalBatch, FeatureCache? cache, bool copies, CancellationToken cancellationToken)
    {
        if (batch.Inputs.Length == 0 && cache is null)
            return null;
        using Lock.Scope alone = model.Plans.Lock.EnterScope();
        using var tape = new Tape(model.Device) { CancellationToken = cancellationToken, Precision = model.PlanOptions.Precision };
        if (model.Plans.ForInference() is { } plan)
        {
            Schedule schedule = plan.Prepare(batch.InputShapes, typicalBatch);
            if (schedule.IsWhole)
            {
                if (cache is null)
                    schedule.Run(batch.Inputs, batch.MoreInputs, cancellationToken);
                else if (!cache.Run(plan, schedule, batch, epoch: 0, cancellationToken))
                    return null;
                return Measure(tape, schedule.Outputs, batch, copies);
            }
        }
        return batch.Inputs.Length == 0 ? null : Measure(tape, model.Run(tape, batch.InputsOn(tape)), batch, copies);
    }

    private BatchOutcome Measure(Tape tape, Tensor[] predictions, Batch batch, bool copies)
    {
        float[][] outputs = copies ? Array.ConvertAll(predictions, p => p.ToArray()) : [];
        (Tensor sum, Tensor[] each) = objective.Mean(tape, predictions, batch, batch.SampleWeights);
        return new BatchOutcome(sum.Item(), each.Length == 1 ? [] : Array.ConvertAll(each, l => l.Item()), outputs);
    }

    /// <summary>All outputs of one batch, on the host: by the model's plan, or op by op where it has none.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">The first input, row-major, [N, ...sample shape].</param>
    /// <param name="shape">Shape of <paramref name="inputs"/>.</param>
    /// <param name="more">The inputs behind it.</param>
    /// <param name="typicalBatch">Samples of the other batches of the run, where this is the last and smaller.</param>
    /// <param name="cancellationToken">Ends it between two ops.</param>
    public static float[][] Forward(Model model, ReadOnlySpan<float> inputs, Shape shape, IReadOnlyList<(Shape Shape, float[] Values)> more, int typicalBatch, CancellationToken cancellationToken)
    {
        model.RefuseStatesInUse();
        using Lock.Scope alone = model.Plans.Lock.EnterScope(); // no step of Fit meanwhile, and no other thread that drops the plan
        if (model.Plans.ForInference() is { } plan)
        {
            Schedule schedule = plan.Prepare([shape, .. more.Select(m => m.Shape)], typicalBatch);
            if (schedule.IsWhole)
            {
                schedule.Run(inputs, more, cancellationToken);
                return Array.ConvertAll(schedule.Outputs, o => o.ToArray());
            }
        }
        using var tape = new Tape(model.Device) { CancellationToken = cancellationToken, Precision = model.PlanOptions.Precision };
        return Array.ConvertAll(model.Run(tape, [tape.Constant(shape, inputs), .. more.Select(m => tape.Constant(m.Shape, m.Values))]), o => o.ToArray());
    }

    /// <summary>Puts the outputs of a batch where its samples are in the data set.</summary>
    /// <exception cref="GraftException">The data set has no such place.</exception>
    public static void Place(float[][] rows, float[] outputs, Batch batch, int next, BatchSource data)
    {
        int i = 0;
        foreach (float[] row in Rows(outputs, batch.Size))
        {
            int place = batch.Indices.Length == batch.Size ? batch.Indices[i] : next + i;
            if ((uint)place >= (uint)rows.Length)
                throw new GraftException($"A batch of the data, a {data.GetType().Name}, has sample {place} (counted from 0), but the data says that it has {data.Count} (Count).");
            rows[place] = row;
            i++;
        }
    }

    /// <exception cref="GraftException">A sample came in no batch.</exception>
    public static void CheckRows(float[][][] rows, BatchSource data)
    {
        if (rows.Length > 0 && Array.IndexOf(rows[0], null) is var missing and >= 0)
            throw new GraftException($"Sample {missing} (counted from 0) came in no batch of the data, a {data.GetType().Name}, which says that it has {data.Count} samples (Count).");
    }

    /// <summary>One array a sample.</summary>
    public static IEnumerable<float[]> Rows(float[] outputs, int samples) => outputs.Chunk(outputs.Length / samples);

    private static ConfusionMatrix? ConfusionOf(LabelSet labels, Shape output)
    {
        const int MostOfPositions = 256; // the tokens of a vocabulary are no classes that anybody wants side by side
        int classes = output.Rank == 0 ? 1 : output[-1];
        bool areClasses = labels.Kind switch
        {
            LabelKind.Categorical or LabelKind.Sparse => classes > 1 && (output.Rank == 1 || classes <= MostOfPositions),
            LabelKind.Binary => classes == 1 && labels.Shape.Count == output.Count,
            _ => false,
        };
        return areClasses ? new ConfusionMatrix(Math.Max(2, classes), labels.ClassNames) : null;
    }
}

using System.Diagnostics;
using System.Globalization;
using Graft.Inference;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>The loop behind <see cref="Model.Fit"/>.</summary>
internal sealed class Trainer(Model model, Optimizer optimizer, Objective objective, FitOptions options, ModelTurn turn)
{
    private readonly RunningObjective _running = new(objective);

    public History Run(BatchSource data, int epochs, BatchSource? validation)
    {
        CheckOptions(data);
        DataCheck.Check(model, objective, data);
        if (validation is not null)
            DataCheck.Check(model, objective, validation);
        DataCheck.CheckTrainable(model);
        ClassWeighting.Check(options.ClassWeights, data, objective.Targets[0].Head.Units);
        _ = model.Device.Kernels.In(options.Precision); // refused before the first epoch
        model.FitPrecision = options.Precision;
        History history = options.History ?? new History();
        model.History = history;
        if (model.ClassNames.Count == 0 && model.Outputs.Count == 1)
            model.ClassNames = data.ClassNames;
        model.OutputKind ??= KindOf(data);
        if (data.Preprocessing is { } reading)
            model.Preprocessing = reading; // predict reads images as fit did
        var context = new TrainingContext(model, optimizer, history, epochs);
        using var training = new FeatureCache(model, data, "training", options.FeatureCache, epochs - options.InitialEpoch);
        using FeatureCache? checking = validation is null ? null : new FeatureCache(model, validation, "validation", options.FeatureCache, epochs - options.InitialEpoch);
        Each(c => c.OnTrainBegin(context));
        for (int epoch = options.InitialEpoch; epoch < epochs && context.StopReason is null; epoch++)
        {
            int number = epoch;
            Each(c => c.OnEpochBegin(context, number));
            Dictionary<string, double> row = TrainEpoch(context, data, epoch, training);
            if (validation is not null)
                Validate(context, validation, row, checking);
            history.Add(epoch, row);
            Each(c => c.OnEpochEnd(context, number, row));
        }
        history.Notes = [.. history.Notes, .. new[] { training.Summary, checking?.Summary, PrecisionNote() }.OfType<string>()];
        Each(c => c.OnTrainEnd(context));
        history.StopReason = context.StopReason;
        return history;
    }

    private void CheckOptions(BatchSource data)
    {
        void Require(int value, int least, string name)
        {
            if (value < least)
                throw new GraftException($"FitOptions.{name} is {value}; take {least} or more.");
        }
        Require(options.AccumulationSteps, 1, nameof(options.AccumulationSteps));
        Require(options.CheckpointEvery, 0, nameof(options.CheckpointEvery));
        Require(options.InitialEpoch, 0, nameof(options.InitialEpoch));
        Require(options.InitialBatch, 0, nameof(options.InitialBatch));
        if (options.InitialBatch > 0 && options.InitialBatch >= data.BatchesPerEpoch)
            throw new GraftException($"FitOptions.InitialBatch is {options.InitialBatch}, but an epoch of this data has {data.BatchesPerEpoch} batches, 0 to {data.BatchesPerEpoch - 1}. Go on with the data and the batch size that the training had before.");
    }

    /// <summary>What outputs stand for that are taught with these labels; null where they do not tell.</summary>
    private OutputKind? KindOf(BatchSource data) => data.LabelKind switch
    {
        _ when model.Outputs.Count > 1 || model.Outputs[0].Shape.Rank != 1 => null,
        LabelKind.Values => objective.Targets[0].Head.Activation == Layers.Activation.Softmax ? null : OutputKind.Values, // a teacher's probabilities are numbers too
        LabelKind.Binary when data.LabelShape.Count > 1 => OutputKind.Labels,
        _ => OutputKind.Classes,
    };

    private Dictionary<string, double> TrainEpoch(TrainingContext context, BatchSource data, int epoch, FeatureCache cache)
    {
        _running.Reset();
        long start = Stopwatch.GetTimestamp();
        TimeSpan wait = TimeSpan.Zero;
        int first = epoch == options.InitialEpoch ? options.InitialBatch : 0;
        float rate = optimizer.LearningRate;
        using var step = new TrainingStep(model, optimizer, objective, options, data.BatchSize, cache, objective.ReadsOutputs);
        using var batches = new EpochReader(data, epoch, first, withoutInputs: cache.HoldsEpoch(isTraining: true, epoch), options.CancellationToken);
        IReadOnlyList<LabelSet> sets = data.LabelSets;
        turn.CountsMetrics = objective.HasMetrics;
        for (int done = first; context.StopReason is null; done++)
        {
            long asked = Stopwatch.GetTimestamp();
            bool more = batches.MoveNext();
            wait += Stopwatch.GetElapsedTime(asked);
            if (!more)
                break;
            rate = optimizer.LearningRate;
            bool isLast = done + 1 == data.BatchesPerEpoch;
            BatchOutcome? result = step.Run(batches.Current, data.LabelKind, epoch, done, isLast);
            if (result is null)
            {
                asked = Stopwatch.GetTimestamp();
                Batch withInputs = batches.WithInputs(done);
                wait += Stopwatch.GetElapsedTime(asked);
                result = step.Run(withInputs, data.LabelKind, epoch, done, isLast);
            }
            _running.Add(result!.Value, batches.Current, sets);
            Report(context, new TrainingProgress(epoch, context.Epochs, done + 1, data.BatchesPerEpoch, _running.Results(), rate,
                Rate(start), Remaining(start, done + 1 - first, data.BatchesPerEpoch - done - 1), wait));
        }
        turn.CountsMetrics = false;
        Dictionary<string, double> row = _running.Results();
        row["seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        row[data.Unit.Column] = Rate(start) * data.Unit.PerSample;
        row["learning_rate"] = double.Parse(rate.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture); // 0.001, not 0.0010000000474974513
        row["data_wait_seconds"] = wait.TotalSeconds;
        if (optimizer.LossScale is { } scale && options.Precision == ComputePrecision.Float16)
        {
            row["loss_scale"] = scale.Value;
            row["skipped_steps"] = scale.Skipped;
        }
        return row;
    }

    /// <summary>What the history says of a training that was not in float32 throughout.</summary>
    private string? PrecisionNote()
    {
        ComputePrecision frozen = model.PlanOptions.Precision;
        if (options.Precision == ComputePrecision.Float32 && frozen == ComputePrecision.Float32)
            return null;
        string scale = optimizer.LossScale is { } s && options.Precision == ComputePrecision.Float16 ? string.Create(CultureInfo.InvariantCulture, $"; loss scale {s.Value:0} at the end, {s.Skipped} steps left out as their gradients were not finite") : "";
        return $"Products of what is trained in {options.Precision.Word()}, weights and sums in float32; frozen layers and predictions in {frozen.Word()}; on {model.Device}{scale}.";
    }

    private void Report(TrainingContext context, TrainingProgress progress)
    {
        options.Progress?.Report(progress);
        Each(c => c.OnBatchEnd(context, progress));
    }

    private void Validate(TrainingContext context, BatchSource validation, Dictionary<string, double> row, FeatureCache? cache)
    {
        Each(c => c.OnValidationBegin(context));
        EvaluationResult result;
        try
        {
            result = new Evaluator(model, objective).Run(validation, keepPredictions: false, options.CancellationToken, cache);
        }
        finally
        {
            Each(c => c.OnValidationEnd(context));
        }
        row["val_loss"] = result.Loss;
        foreach ((string name, double value) in result.Metrics)
            row["val_" + name] = value;
        row["val_seconds"] = result.Seconds;
    }

    private double Rate(long start) => _running.Samples / Math.Max(Stopwatch.GetElapsedTime(start).TotalSeconds, 1e-9);

    private static TimeSpan Remaining(long start, int done, int left) => Stopwatch.GetElapsedTime(start) / done * left;

    private void Each(Action<Callback> call)
    {
        foreach (Callback callback in options.Callbacks)
            call(callback);
    }
}

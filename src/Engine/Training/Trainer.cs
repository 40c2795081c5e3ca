using System.Diagnostics;

namespace Graft.Training;

/// <summary>The loop behind <see cref="Model.Fit"/>.</summary>
internal sealed class Trainer(Model model, Optimizer optimizer, Loss loss, Metric[] metrics, FitOptions options)
{
    private readonly RunningMetrics _running = new(loss, metrics);

    public History Run(BatchSource data, int epochs, BatchSource? validation)
    {
        DataCheck.Check(model, loss, data);
        if (validation is not null)
            DataCheck.Check(model, loss, validation);
        DataCheck.CheckTrainable(model);
        History history = options.History ?? new History();
        model.History = history;
        if (model.ClassNames.Count == 0)
            model.ClassNames = data.ClassNames;
        var context = new TrainingContext(model, optimizer, history, epochs);
        Each(c => c.OnTrainBegin(context));
        for (int epoch = options.InitialEpoch; epoch < epochs && context.StopReason is null; epoch++)
        {
            int number = epoch;
            Each(c => c.OnEpochBegin(context, number));
            Dictionary<string, double> row = TrainEpoch(context, data, epoch);
            if (validation is not null)
                Validate(validation, row);
            history.Add(epoch, row);
            Each(c => c.OnEpochEnd(context, number, row));
        }
        Each(c => c.OnTrainEnd(context));
        history.StopReason = context.StopReason;
        return history;
    }

    private Dictionary<string, double> TrainEpoch(TrainingContext context, BatchSource data, int epoch)
    {
        _running.Reset();
        long start = Stopwatch.GetTimestamp();
        TimeSpan wait = TimeSpan.Zero;
        int first = epoch == options.InitialEpoch ? options.InitialBatch : 0;
        float rate = optimizer.LearningRate;
        using var step = new TrainingStep(model, optimizer, loss, options, data.BatchSize);
        using IEnumerator<Batch> batches = data.Epoch(epoch, first, options.CancellationToken).GetEnumerator();
        for (int done = first; context.StopReason is null; done++)
        {
            long asked = Stopwatch.GetTimestamp();
            bool more = batches.MoveNext();
            wait += Stopwatch.GetElapsedTime(asked);
            if (!more)
                break;
            rate = optimizer.LearningRate;
            (float value, float[] outputs) = step.Run(batches.Current, data.LabelKind, epoch, done, done + 1 == data.BatchesPerEpoch);
            _running.Add(value, outputs, batches.Current, data.LabelKind);
            Report(context, new TrainingProgress(epoch, context.Epochs, done + 1, data.BatchesPerEpoch, _running.Results(), rate,
                Rate(start), Remaining(start, done + 1 - first, data.BatchesPerEpoch - done - 1), wait));
        }
        Dictionary<string, double> row = _running.Results();
        row["seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        row["images_per_second"] = Rate(start);
        row["learning_rate"] = rate;
        row["data_wait_seconds"] = wait.TotalSeconds;
        return row;
    }

    private void Report(TrainingContext context, TrainingProgress progress)
    {
        options.Progress?.Report(progress);
        Each(c => c.OnBatchEnd(context, progress));
    }

    private void Validate(BatchSource validation, Dictionary<string, double> row)
    {
        EvaluationResult result = new Evaluator(model, loss, metrics).Run(validation, keepPredictions: false, options.CancellationToken);
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

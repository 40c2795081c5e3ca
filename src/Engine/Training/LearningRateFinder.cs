using System.Globalization;
using Graft.Inference;

namespace Graft.Training;

/// <summary>
/// Looks for a learning rate: trains from the weights that a model has with a rate that grows from step to step, and sees where the loss falls and where it diverges. Smith 2017, arXiv:1506.01186,
/// section 3.3; fastai's lr_find.
/// </summary>
/// <remarks>
/// Model, optimizer, moving statistics and the states of recurrent layers are afterwards as they were, to the bit, also where it fails or is cancelled: a Fit that follows is the Fit that would have
/// been. What a layer, metric or optimizer of your own keeps in fields of its class is not put back.
/// </remarks>
public static class LearningRateFinder
{
    /// <summary>The search ends where the smoothed loss is so many times the lowest one: it will not come back. As in fastai.</summary>
    private const double Divergence = 4;

    /// <summary>Share of the smoothed loss that stays from step to step. As in fastai.</summary>
    private const double Smoothing = 0.98;

    /// <summary>Fewest steps that a curve can be read from.</summary>
    private const int FewestSteps = 20;

    /// <summary>Trains for some steps at growing rates, and puts everything back.</summary>
    /// <param name="model">A compiled model. Whatever rate or schedule its optimizer has is not used meanwhile.</param>
    /// <param name="data">Batches to train on, epoch after epoch where there are fewer than steps.</param>
    /// <param name="from">The first rate.</param>
    /// <param name="to">The last one; each is the same factor times the one before.</param>
    /// <param name="steps">Optimizer steps.</param>
    /// <param name="options">As for Fit: seed, class weights, accumulation, precision, checkpointing, cancellation. Callbacks and progress are not called.</param>
    /// <exception cref="GraftException">The model is not compiled or in use, data and loss do not fit it, or a rate or the number of steps makes no search.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LearningRateCurve Run(Model model, BatchSource data, float from = 1e-7f, float to = 10, int steps = 100, FitOptions? options = null)
    {
        if (!(from > 0 && to > from && float.IsFinite(to)) || steps < FewestSteps)
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"LearningRateFinder.Run: from {from} to {to} in {steps} steps; take a first rate above 0, a larger last one, and {FewestSteps} steps or more."));
        options ??= new FitOptions();
        using ModelTurn turn = model.BeginTurn($"{nameof(LearningRateFinder)}.{nameof(Run)}");
        Optimizer optimizer = model.CompiledOptimizer();
        Objective objective = model.CompiledObjective();
        DataCheck.Check(model, objective, data);
        DataCheck.CheckTrainable(model);
        ClassWeighting.Check(options.ClassWeights, data, objective.Targets[0].Head.Units);
        _ = model.Device.Kernels.In(options.Precision); // refused before the first step

        Action putStatesBack = model.KeepStates();
        var weights = new WeightSnapshot();
        weights.TakeAll(model);
        (string, float[])[] state = [.. optimizer.ExportState(model)];
        (LearningRateSchedule schedule, MemoryReport? report) = (optimizer.Schedule, model.MemoryReport);
        try
        {
            float RateOf(int step) => (float)(from * Math.Pow((double)to / from, (double)step / (steps - 1)));
            return new LearningRateCurve(Train(model, optimizer, objective, data, options, steps, RateOf), steps);
        }
        finally
        {
            weights.Restore(model);
            optimizer.Schedule = schedule;
            optimizer.ImportState(model, state);
            model.MemoryReport = report;
            putStatesBack();
        }
    }

    private static List<LearningRatePoint> Train(Model model, Optimizer optimizer, Objective objective, BatchSource data, FitOptions options, int steps, Func<int, float> rateOf)
    {
        int accumulated = Math.Max(1, options.AccumulationSteps);
        using var cache = new FeatureCache(model, data, "training", options.FeatureCache, (steps * accumulated + data.BatchesPerEpoch - 1) / data.BatchesPerEpoch);
        using var step = new TrainingStep(model, optimizer, objective, options, data.BatchSize, cache, copiesOutputs: false);
        List<LearningRatePoint> points = [];
        (double sum, double average, double lowest) = (0, 0, double.PositiveInfinity);
        int gathered = 0;
        for (int epoch = options.InitialEpoch; ; epoch++)
        {
            using var batches = new EpochReader(data, epoch, 0, withoutInputs: false, options.CancellationToken);
            for (int batch = 0; batches.MoveNext(); batch++)
            {
                float rate = rateOf(points.Count);
                optimizer.Schedule = rate;
                sum += step.Run(batches.Current, data.LabelKind, epoch, batch, lastOfEpoch: false)!.Value.Loss;
                if (++gathered < accumulated)
                    continue;
                double loss = sum / accumulated;
                average = Smoothing * average + (1 - Smoothing) * loss;
                double smoothed = average / (1 - Math.Pow(Smoothing, points.Count + 1)); // the average begins at 0
                if (!double.IsFinite(smoothed))
                    return points;
                points.Add(new LearningRatePoint(rate, loss, smoothed));
                lowest = Math.Min(lowest, smoothed);
                if (smoothed > Divergence * lowest || points.Count == steps)
                    return points;
                (sum, gathered) = (0, 0);
            }
        }
    }
}

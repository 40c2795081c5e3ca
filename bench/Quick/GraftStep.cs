using Graft.Autograd;
using Graft.Inference;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>A training step in Graft, from images on the host to moved weights, as Fit runs it; what is frozen is computed at every step.</summary>
internal sealed class GraftStep : IDisposable
{
    private readonly Model _model;
    private readonly Optimizer _optimizer = new Sgd(StepCase.LearningRate, StepCase.Momentum);
    private readonly Batch _batch;
    private readonly LabelKind _kind;
    private readonly FeatureCache _cache;
    private readonly TrainingStep _step;
    private int _done;

    /// <param name="of">The step.</param>
    /// <param name="times">Where the time of each op goes; null where nobody asks.</param>
    public GraftStep(StepCase of, OpTimes? times = null)
    {
        _model = of.Open();
        _batch = of.Images(_model);
        _kind = of.Classes == 1 ? LabelKind.Binary : LabelKind.Sparse;
        var data = new ArrayBatches(_batch.Inputs, _model.Inputs[0].Shape, _batch.Labels, new Shape(1), _kind, of.Batch);
        var options = new FitOptions { FeatureCache = FeatureCacheOptions.Off, Times = times };
        _cache = new FeatureCache(_model, data, "training", options.FeatureCache, epochs: 1);
        _step = new TrainingStep(_model, _optimizer, of.Loss, options, of.Batch, _cache, copiesOutputs: true);
    }

    /// <summary>The loss of the last step.</summary>
    public float Loss { get; private set; }

    /// <summary>The plan of what is frozen, with the times of its last run; null where nothing is.</summary>
    public string? FrozenPlan => _model.Plans.ForTraining()?.Prepare(_batch.InputShape) is { HasWork: true } schedule ? PlanReport.Of(_model.Name, schedule, _model.Device) : null;

    /// <summary>One step.</summary>
    public void Run() => Loss = _step.Run(_batch, _kind, epoch: 0, _done++, lastOfEpoch: false)!.Value.Loss;

    public void Dispose()
    {
        _step.Dispose();
        _cache.Dispose();
        _optimizer.Dispose();
        _model.Release();
    }
}

using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>A training step in Graft, from images on the host to moved weights, as Fit runs it; what is frozen is computed at every step.</summary>
internal sealed class GraftStep : IDisposable
{
    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly Batch _batch;
    private readonly LabelKind _kind;
    private readonly FeatureCache _cache;
    private readonly TrainingStep _step;
    private int _done;

    /// <param name="of">The step.</param>
    /// <param name="times">Where the time of each op goes; null where nobody asks.</param>
    /// <param name="device">Where it runs; null for the processor.</param>
    public GraftStep(StepCase of, OpTimes? times = null, Device? device = null)
        : this(of.Open(device), of.Images, of.Classes == 1 ? LabelKind.Binary : LabelKind.Sparse, of.Loss, new Sgd(StepCase.LearningRate, StepCase.Momentum), times, copiesOutputs: true)
    {
    }

    /// <param name="model">The model, given back by <see cref="Dispose"/>.</param>
    /// <param name="batch">Makes the batch that every step sees.</param>
    /// <param name="kind">What its labels are.</param>
    /// <param name="loss">What is made small.</param>
    /// <param name="optimizer">What moves the weights.</param>
    /// <param name="times">Where the time of each op goes; null where nobody asks.</param>
    /// <param name="copiesOutputs">True where outputs come to the host, as metrics need them.</param>
    /// <param name="precision">Of the products of what is trained.</param>
    public GraftStep(Model model, Func<Model, Batch> batch, LabelKind kind, Loss loss, Optimizer optimizer, OpTimes? times = null, bool copiesOutputs = false,
        ComputePrecision precision = ComputePrecision.Float32)
    {
        (_model, _kind, _optimizer) = (model, kind, optimizer);
        _batch = batch(model);
        var data = new ArrayBatches(_batch.Inputs, _model.Inputs[0].Shape, _batch.Labels, _batch.LabelShape.Tail(), kind, _batch.Size);
        var options = new FitOptions { FeatureCache = FeatureCacheOptions.Off, Times = times, Precision = precision };
        _cache = new FeatureCache(_model, data, "training", options.FeatureCache, epochs: 1);
        _step = new TrainingStep(_model, _optimizer, new Objective(_model, [new OutputLoss(loss)]), options, _batch.Size, _cache, copiesOutputs);
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

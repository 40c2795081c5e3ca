using Graft.Kernels;
using Graft.Layers;

namespace Graft.Training;

/// <summary>
/// Keeps an exponential moving average of the trainable weights, a = m a + (1 - m) w after each step, validates with it, and leaves the model with it. It moves less from
/// step to step than the weights do, and mostly generalises better. The rule is that of Keras's use_ema, ema_momentum and SwapEMAWeights: the first step's weights begin it.
/// </summary>
/// <remarks>
/// Polyak and Juditsky 1992. Where training is cancelled the model keeps the weights of the last step, and <see cref="Dispose"/> gives the average's memory back. What <see cref="EarlyStopping"/>
/// goes back to and <see cref="ModelCheckpoint"/> saves is the average; a <see cref="TrainingCheckpoint"/> that knows of it keeps both.
/// </remarks>
public sealed class WeightAverage : Callback, IDisposable
{
    private readonly Dictionary<Parameter, Tensor> _averages = [];
    private readonly float _momentum;
    private long _steps;
    private bool _isRestored;

    /// <summary>Makes the callback.</summary>
    /// <param name="momentum">m, 0 to below 1: about the last 1 / (1 - m) steps count.</param>
    public WeightAverage(float momentum = 0.99f)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(momentum);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(momentum, 1);
        _momentum = momentum;
    }

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainingContext context)
    {
        if (!_isRestored)
            Dispose();
        _isRestored = false;
        _steps = context.Optimizer.Iterations;
        context.Average = this;
    }

    /// <inheritdoc/>
    public override void OnBatchEnd(TrainingContext context, TrainingProgress progress)
    {
        if (context.Optimizer.Iterations == _steps)
            return; // its gradients wait for others
        _steps = context.Optimizer.Iterations;
        foreach (Parameter p in context.Model.Parameters.Where(p => p.IsTrainable).Distinct())
            Follow(p);
    }

    /// <inheritdoc/>
    public override void OnValidationBegin(TrainingContext context) => Swap(context.Model);

    /// <inheritdoc/>
    public override void OnValidationEnd(TrainingContext context) => Swap(context.Model);

    /// <inheritdoc/>
    public override void OnTrainEnd(TrainingContext context)
    {
        Swap(context.Model);
        Dispose();
    }

    /// <summary>Gives the average's memory back.</summary>
    public void Dispose()
    {
        foreach (Tensor average in _averages.Values)
            average.Release();
        _averages.Clear();
    }

    /// <summary>What a file keeps to go on from: the average of each parameter, by its path in the model.</summary>
    internal IEnumerable<(string Path, Shape Shape, Func<float[]> Read)> State(Model model) =>
        model.NamedParameters().DistinctBy(p => p.Parameter).Where(p => _averages.ContainsKey(p.Parameter)).Select(p => (p.Path, p.Parameter.Shape, (Func<float[]>)_averages[p.Parameter].ToArray));

    /// <summary>Takes what <see cref="State"/> gave of a parameter, for the next training to go on from.</summary>
    internal void Restore(Parameter p, float[] average)
    {
        _isRestored = true;
        if (!_averages.TryGetValue(p, out Tensor? tensor))
            _averages.Add(p, tensor = p.Value.Copy());
        tensor.Set(average);
    }

    private void Follow(Parameter p)
    {
        KernelSet kernels = p.Device.Kernels;
        if (!_averages.TryGetValue(p, out Tensor? average))
        {
            _averages.Add(p, p.Value.Copy());
            return;
        }
        kernels.Gradient.Scale(average.Data, average.Count, _momentum);
        kernels.Gradient.AddScaled(p.Value.Data, 1 - _momentum, average.Data, average.Count);
    }

    /// <summary>Puts the average into the model, and the weights where it was. A Predict of another thread sees the one or the other.</summary>
    internal void Swap(Model model)
    {
        using Lock.Scope alone = model.Plans.Lock.EnterScope();
        foreach ((Parameter p, Tensor average) in _averages)
        {
            MemoryKernels memory = p.Device.Kernels.Memory;
            Tensor held = p.Value.Copy();
            memory.Copy(average.Data, p.Value.Data, held.Count);
            memory.Copy(held.Data, average.Data, held.Count);
            held.Release();
            p.Value.MarkChanged();
        }
    }
}

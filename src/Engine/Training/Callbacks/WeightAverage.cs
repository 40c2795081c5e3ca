using Graft.Kernels;
using Graft.Layers;

namespace Graft.Training;

/// <summary>
/// Keeps an exponential moving average of the trainable weights, a = m a + (1 - m) w after each step, validates with it, and leaves the model with it. It moves less from
/// step to step than the weights do, and mostly generalises better. The rule is that of Keras's use_ema, ema_momentum and SwapEMAWeights: the first step's weights begin it.
/// </summary>
/// <remarks>Polyak and Juditsky 1992. Where training is cancelled the model keeps the weights of the last step, and <see cref="Dispose"/> gives the average's memory back.</remarks>
public sealed class WeightAverage : Callback, IDisposable
{
    private readonly Dictionary<Parameter, Tensor> _averages = [];
    private readonly float _momentum;
    private long _steps;

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
        Dispose();
        _steps = context.Optimizer.Iterations;
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
    public override void OnValidationBegin(TrainingContext context) => Swap();

    /// <inheritdoc/>
    public override void OnValidationEnd(TrainingContext context) => Swap();

    /// <inheritdoc/>
    public override void OnTrainEnd(TrainingContext context)
    {
        Swap();
        Dispose();
    }

    /// <summary>Gives the average's memory back.</summary>
    public void Dispose()
    {
        foreach (Tensor average in _averages.Values)
            average.Release();
        _averages.Clear();
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

    private void Swap()
    {
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

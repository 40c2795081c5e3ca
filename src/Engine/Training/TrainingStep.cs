using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Layers;

namespace Graft.Training;

/// <summary>One batch forward and backward; what is frozen is computed by a plan, before the tape begins. Either all of a step's changes are made or none.</summary>
/// <remarks>
/// Weights move behind the whole backward pass, those too whose gradients it left to the optimizer: until then an error or a cancellation changes nothing, and
/// every gradient is taken at the old weights.
/// </remarks>
internal sealed class TrainingStep(Model model, Optimizer optimizer, Objective objective, FitOptions options, int typicalBatch, FeatureCache cache,
    bool copiesOutputs) : IDisposable
{
    private readonly GradientAccumulator _accumulator = new();
    private readonly MovingStatistics _statistics = new();
    private MemoryReport? _report;
    private Held? _reported; // what that report is of

    /// <summary>What the model made of the batch, outputs where they are copied; null where it came without inputs and the cache has not got all of it.</summary>
    public BatchOutcome? Run(Batch batch, LabelKind kind, int epoch, int step, bool lastOfEpoch)
    {
        DataCheck.CheckTrainable(model);
        DataCheck.CheckLabels(objective, batch);
        lock (model.Plans.Lock)
        {
            Schedule? frozen = null;
            if (model.Plans.ForTraining() is { } plan && plan.Prepare(batch.InputShapes, typicalBatch) is { HasWork: true } schedule)
            {
                if (!cache.Run(plan, schedule, batch, epoch, options.CancellationToken))
                    return null;
                frozen = schedule;
            }
            if (frozen is null && batch.Inputs.Length == 0)
                return null;
            return Run(batch, kind, epoch, step, lastOfEpoch, frozen);
        }
    }

    public void Dispose()
    {
        _accumulator.Dispose();
        _statistics.Dispose();
    }

    private BatchOutcome Run(Batch batch, LabelKind kind, int epoch, int step, bool lastOfEpoch, Schedule? frozen)
    {
        if (_accumulator.Steps == 0) // of several batches, the statistics before the first
            _statistics.Take(model);
        using var tape = new Tape(model.Device)
        {
            Training = true,
            Precision = options.Precision,
            Seed = RandomSeed.Of(options.Seed, epoch, step),
            CancellationToken = options.CancellationToken,
            Computed = frozen?.Computed,
            Times = options.Times,
            CheckpointEvery = options.CheckpointEvery,
            OverwritesOutputs = true, // they are copied to the host before
            DefersGradients = options.AccumulationSteps <= 1 && optimizer.TakesProducts && options.Precision != ComputePrecision.Float16,
        };
        try
        {
            Tensor[] predictions = model.Run(tape, frozen?.Inputs ?? batch.InputsOn(tape));
            float[][] outputs = copiesOutputs ? Array.ConvertAll(predictions, p => p.ToArray()) : [];
            (Tensor value, Tensor[] each) = objective.Mean(tape, predictions, batch, ClassWeighting.Of(batch, kind, options.ClassWeights));
            value = Regularization.AddTo(tape, value, model);
            using var pending = new PendingNumbers(each.Length == 1 ? [value] : [value, .. each]); // of one, the sum says it
            LossScale? scale = options.Precision == ComputePrecision.Float16 ? optimizer.LossScale ??= new LossScale() : null;
            tape.Backward(value, [scale?.Value ?? 1]);
            options.CancellationToken.ThrowIfCancellationRequested();
            float[] numbers = pending.Wait(); // a GPU goes on with backward meanwhile; what it found wrong in the batch is told before anything moves
            double start = options.Times?.Now ?? 0;
            if (!Update(tape, scale, lastOfEpoch)) // from here on to the end
                _statistics.PutBack(); // an overflow forward is in them too
            options.Times?.AddUpdate(start);
            Report(batch, tape);
            return new BatchOutcome(numbers[0], numbers[1..], outputs);
        }
        catch (Exception e)
        {
            if (e is not CudaException { IsSticky: true }) // else there is nothing left to put them back to
                _statistics.PutBack();
            if (e is not CudaOutOfMemoryException)
                throw;
            IEnumerable<string> largest = MemoryReport.Of(model, tape, optimizer, _accumulator).Largest(MemoryReport.Shown);
            throw new CudaOutOfMemoryException($"{e.Message}\nThe largest tensors of this step:\n{string.Join('\n', largest)}", e);
        }
    }

    /// <summary>What the step held in memory. A step like the one before it holds the same, so that nothing is listed again.</summary>
    private void Report(Batch batch, Tape tape)
    {
        var held = new Held(batch.Size, batch.Inputs.Length, tape.OpCount, model.Device.Pool.LiveBytes, model.Device.Pool.PeakBytes);
        if (held == _reported && _report == model.MemoryReport)
            return;
        model.MemoryReport = _report = MemoryReport.Of(model, tape, optimizer, _accumulator);
        _reported = held;
    }

    /// <returns>False where the step is left out, as its gradients are not finite.</returns>
    private bool Update(Tape tape, LossScale? scale, bool lastOfEpoch)
    {
        Parameter[] trainable = [.. model.Parameters.Where(p => p.IsTrainable).Distinct()];
        if (options.AccumulationSteps <= 1)
            return optimizer.Apply([.. trainable.Select(p => ParameterGradient.Of(p, tape)).OfType<ParameterGradient>()], scale);
        foreach (Parameter p in trainable)
        {
            if (tape.Gradient(p.Value) is { } gradient)
                _accumulator.Add(p, gradient);
        }
        if (++_accumulator.Steps < options.AccumulationSteps && !lastOfEpoch)
            return true;
        bool moved = optimizer.Apply(_accumulator.Mean(), scale);
        _accumulator.Clear();
        return moved;
    }

    /// <summary>Numbers on their way from the device.</summary>
    private sealed class PendingNumbers(Tensor[] scalars) : IDisposable
    {
        private readonly PendingNumber[] _numbers = Array.ConvertAll(scalars, s => s.ItemLater());

        public float[] Wait() => Array.ConvertAll(_numbers, n => n.Wait());

        public void Dispose() => Array.ForEach(_numbers, n => n.Dispose());
    }

    /// <summary>What steps that hold the same in memory have in common.</summary>
    private sealed record Held(int Samples, int Numbers, int Ops, long LiveBytes, long PeakBytes);
}

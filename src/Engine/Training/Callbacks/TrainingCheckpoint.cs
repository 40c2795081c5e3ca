using System.Diagnostics;
using Graft.Weights;

namespace Graft.Training;

/// <summary>
/// Keeps a training in one file that is whole at any moment, so that it can be ended at any step and gone on with: weights, optimizer, history. The
/// weights at the end are those of a training that was never interrupted, to the last bit.
/// </summary>
/// <remarks>
/// It is written after each epoch, and if asked for after steps between. Where in its epoch the training was follows from the optimizer's steps. Going
/// on takes the same data, batch size, seed and optimizer. An epoch that was gone on with has in the history the loss of its remaining batches.
/// <code>
/// model.Compile(optimizer, loss);
/// (History history, int epoch, int batch) = TrainingCheckpoint.Restore(model, path, data);
/// model.Fit(data, epochs, validation, new FitOptions { History = history, InitialEpoch = epoch, InitialBatch = batch, Callbacks = [new TrainingCheckpoint(path)] });
/// </code>
/// </remarks>
/// <param name="path">The file.</param>
/// <param name="everySteps">Also after this many optimizer steps; 0 after epochs alone.</param>
/// <param name="epochsApart">After an epoch only where this much time has passed since the file was written, or the training begun: for epochs that take less time than the file.</param>
/// <param name="average">A moving average that is kept too; it comes before this among the callbacks.</param>
public sealed class TrainingCheckpoint(string path, int everySteps = 0, TimeSpan epochsApart = default, WeightAverage? average = null) : Callback
{
    private long _stepsSeen, _written;
    private bool _isBetweenSteps;

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainingContext context)
    {
        _stepsSeen = context.Optimizer.Iterations;
        _written = Stopwatch.GetTimestamp();
        _isBetweenSteps = true;
    }

    /// <inheritdoc/>
    public override void OnBatchEnd(TrainingContext context, TrainingProgress progress)
    {
        bool hasMoved = context.Optimizer.Iterations != _stepsSeen; // else its gradients wait for others
        _stepsSeen = context.Optimizer.Iterations;
        _isBetweenSteps = hasMoved && progress.Step < progress.Steps; // after the last one, the epoch is still to be validated
        if (_isBetweenSteps && everySteps > 0 && _stepsSeen % everySteps == 0)
            Save(context.Model, context.History);
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        _isBetweenSteps = true;
        if (Stopwatch.GetElapsedTime(_written) < epochsApart)
            return;
        Save(context.Model, context.History);
        _written = Stopwatch.GetTimestamp();
    }

    /// <summary>After a cancelled Fit, writes the file once more where training stands between two optimizer steps of an epoch, or between two epochs; else the last one stays.</summary>
    /// <returns>True where it was written.</returns>
    public bool SaveCancelled(Model model)
    {
        if (!_isBetweenSteps || model.Optimizer?.Iterations != _stepsSeen)
            return false;
        Save(model, model.History);
        return true;
    }

    private void Save(Model model, History? history) => ModelFile.Save(model, path, history, average);

    /// <summary>Puts a training back into a compiled model.</summary>
    /// <param name="model">The model, compiled as it was then.</param>
    /// <param name="path">The file.</param>
    /// <param name="data">What is trained on.</param>
    /// <param name="accumulationSteps">As in <see cref="FitOptions.AccumulationSteps"/>.</param>
    /// <param name="average">The moving average that was kept; null for none.</param>
    /// <returns>The history, and where to go on: <see cref="FitOptions.InitialEpoch"/> and <see cref="FitOptions.InitialBatch"/>.</returns>
    /// <exception cref="GraftException">The file is missing, damaged, or of another model; or the model is not compiled.</exception>
    public static (History History, int Epoch, int Batch) Restore(Model model, string path, BatchSource data, int accumulationSteps = 1, WeightAverage? average = null)
    {
        if (model.Optimizer is not { } optimizer)
            throw new GraftException($"Model '{model.Name}' is not compiled; call Compile with the optimizer of the training in {path} first.");
        History history = ModelFile.Restore(model, path, average) ?? new History();
        int accumulated = Math.Max(1, accumulationSteps), stepsPerEpoch = (data.BatchesPerEpoch + accumulated - 1) / accumulated;
        long steps = optimizer.Iterations + (optimizer.LossScale?.Skipped ?? 0); // those that were left out had their batches too
        return (history, (int)(steps / stepsPerEpoch), (int)(steps % stepsPerEpoch) * accumulated);
    }
}

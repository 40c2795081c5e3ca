using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Cli;

/// <summary>The two trainings of a fine-tuning: of the head on the frozen base, then of the unfrozen blocks with it. One that was ended early is gone on with.</summary>
internal sealed class FineTuningPhases(FineTuningSettings s, Terminal terminal, Model model, Model pretrained, FineTuningTask task, ImageBatches training, ImageBatches validation)
{
    private static readonly TimeSpan s_apart = TimeSpan.FromSeconds(20); // an epoch on kept features takes less time than writing the state

    private readonly FineTuningState _state = new(s);
    private readonly EarlyStopping? _stopping = s.Patience is int patience ? new EarlyStopping(patience: patience) : null;
    private readonly EpochLines _lines = new(terminal, task.Watched);
    private History _history = new();

    /// <summary>Trains.</summary>
    /// <returns>The epochs, and the one whose weights the model has.</returns>
    public (History History, int KeptEpoch) Run()
    {
        _state.Open(training.Count, validation.Count);
        if (!_state.GoesOnUnfrozen)
            TrainHead();
        if (s.Unfreeze > 0)
            TrainUnfrozen();
        validation.BatchProgress = null;
        return (_history, _stopping is { BestEpoch: >= 0 } ? _stopping.BestEpoch : _history.Epochs.Count - 1);
    }

    /// <summary>Removes what a training would be gone on with from: its results are written.</summary>
    public void End() => _state.Remove();

    private void TrainHead()
    {
        terminal.Line($"Training the head; the base is frozen ({s.Optimizer}, learning rate {s.LearningRate.ToString(CultureInfo.InvariantCulture)}).");
        model.Compile(Optimizer.Create(s.Optimizer, s.LearningRate), task.Loss, task.Metrics);
        Fit(_state.Head, s.Epochs, epochsAfter: s.Unfreeze > 0 ? s.UnfreezeEpochs : 0);
        if (model.MemoryReport is { } memory) // none where all epochs were there already
            terminal.Line($"Memory that a training step kept for the backward pass: {memory.TotalKeptBytes:N0} bytes, {memory.KeptBy(pretrained.Name):N0} of them by the frozen base.");
    }

    private void TrainUnfrozen()
    {
        IReadOnlyList<string> blocks = PretrainedBase.Unfreeze(pretrained, s.Unfreeze);
        terminal.Line($"Unfreezing {string.Join(", ", blocks)}, without batch normalization (learning rate {s.UnfreezeLearningRate.ToString(CultureInfo.InvariantCulture)}).");
        model.Compile(Optimizer.Create(s.Optimizer, s.UnfreezeLearningRate), task.Loss, task.Metrics);
        Fit(_state.Unfrozen, s.UnfreezeEpochs, epochsAfter: 0);
    }

    /// <summary>Trains for some epochs more than there are, or goes on to their end from a state.</summary>
    private void Fit(string state, int epochs, int epochsAfter)
    {
        (int begun, int from, int batch) = (_history.Epochs.Count, _history.Epochs.Count, 0);
        if (s.Resume && File.Exists(state))
        {
            (_history, int done, batch) = TrainingCheckpoint.Restore(model, state, training);
            (begun, from) = (_history.Epochs.Count - done, _history.Epochs.Count);
            terminal.Line($"Going on at step {batch + 1} of epoch {from + 1}.{(_stopping is null ? "" : " Patience counts from here; weights of earlier epochs are not gone back to.")}");
        }
        _lines.Epochs = begun + epochs + epochsAfter;
        int told = _history.Notes.Count;
        var checkpoint = new TrainingCheckpoint(state, epochsApart: s_apart);
        try
        {
            terminal.WithBar($"Epoch {from + 1}/{_lines.Epochs}", bar =>
            {
                validation.BatchProgress = bar.Images("Validating");
                return model.Fit(training, begun + epochs, validation, new FitOptions
                {
                    Seed = s.Seed, Progress = bar, CancellationToken = terminal.Interrupt, Callbacks = _stopping is null ? [checkpoint, _lines] : [checkpoint, _lines, _stopping],
                    InitialEpoch = from, InitialBatch = batch, History = _history, FeatureCache = s.FeatureCache, Precision = s.Precision, ClassWeights = s.IsBalanced ? ClassWeighting.Balanced(training.Classes) : null,
                });
            });
        }
        catch (OperationCanceledException)
        {
            if (checkpoint.SaveCancelled(model) || _state.IsThere)
                terminal.Line("The training so far is kept; go on with the same command and --resume.");
            else
                _state.Remove();
            throw;
        }
        FineTuning.TellNotes(terminal, _history, told);
        TellKept();
    }

    private void TellKept()
    {
        if (_stopping is not { BestEpoch: >= 0 })
            return;
        string kept = string.Create(CultureInfo.InvariantCulture, $"epoch {_stopping.BestEpoch + 1} (val_loss {_history["val_loss"][_stopping.BestEpoch]:F4})");
        terminal.Line(_stopping.StoppedEpoch >= 0 ? $"Stopped early: no lower val_loss since {kept}; the weights of that epoch are kept." : $"The weights of {kept}, the best one, are kept.");
    }
}

using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>The two trainings of a fine-tuning: of the head on the frozen base, then of the unfrozen blocks with it. One that was ended early is gone on with.</summary>
internal sealed class FineTuningPhases(FineTuningSettings s, Terminal terminal, Model model, Model pretrained, FineTuningTask task, ImageBatches training, ImageBatches validation) : IDisposable
{
    private static readonly TimeSpan s_apart = TimeSpan.FromSeconds(20); // an epoch on kept features takes less time than writing the state

    private readonly FineTuningState _state = new(s);
    private readonly EarlyStopping? _stopping = s.Patience is int patience ? new EarlyStopping(patience: patience) : null;
    private readonly WeightAverage? _average = s.Average > 0 ? new WeightAverage(s.Average) : null;
    private readonly BatchSource _mixed = s.MixUp > 0 ? new MixUp(training, s.MixUp, s.Seed) : s.CutMix > 0 ? new CutMix(training, s.CutMix, s.Seed) : training;
    private readonly EpochLines _lines = new(terminal, task.Watched);
    private History _history = new();
    private int? _unfrozenAt;

    /// <summary>Trains.</summary>
    /// <returns>The epochs, the one whose weights the model has, and the one that unfrozen blocks were trained from; null where none were.</returns>
    public (History History, int KeptEpoch, int? UnfrozenAt) Run()
    {
        _ = HeadRates;
        if (s.Unfreeze > 0)
            _ = UnfrozenRates; // refused before the head is trained
        _state.Open(training.Count, validation.Count);
        if (!_state.GoesOnUnfrozen)
            TrainHead();
        if (s.Unfreeze > 0)
            TrainUnfrozen();
        validation.BatchProgress = null;
        return (_history, _stopping is { BestEpoch: >= 0 } ? _stopping.BestEpoch : _history.Epochs.Count - 1, _unfrozenAt);
    }

    /// <summary>Removes what a training would be gone on with from: its results are written.</summary>
    public void End() => _state.Remove();

    /// <summary>Gives the moving average's memory back, however the training ended.</summary>
    public void Dispose() => _average?.Dispose();

    private void TrainHead()
    {
        Compile(HeadRates);
        if (s.FindsLearningRate && !s.Resume)
            RateSearch.Tell(terminal, model, _mixed, new FitOptions { Seed = s.Seed, CancellationToken = terminal.Interrupt, FeatureCache = s.FeatureCache, Precision = s.Precision, ClassWeights = ClassWeights }, s.Output);
        terminal.Line($"Training the head; the base is frozen ({s.Optimizer}, {LearningRates.Describe(s.Schedule, s.LearningRate, StepsOf(s.Epochs), s.WarmUp)}{Besides()}).");
        Fit(_state.Head, s.Epochs, epochsAfter: s.Unfreeze > 0 ? s.UnfreezeEpochs : 0);
        if (model.MemoryReport is { } memory) // none where all epochs were there already
            terminal.Line($"Memory that a training step kept for the backward pass: {memory.TotalKeptBytes:N0} bytes, {memory.KeptBy(pretrained.Name):N0} of them by the frozen base.");
    }

    private void TrainUnfrozen()
    {
        IReadOnlyList<string> blocks = PretrainedBase.Unfreeze(pretrained, s.Unfreeze);
        terminal.Line($"Unfreezing {string.Join(", ", blocks)}, without batch normalization ({LearningRates.Describe(s.Schedule, s.UnfreezeLearningRate, StepsOf(s.UnfreezeEpochs), s.WarmUp)}).");
        Compile(UnfrozenRates);
        _unfrozenAt = Fit(_state.Unfrozen, s.UnfreezeEpochs, epochsAfter: 0);
    }

    private int StepsOf(int epochs) => epochs * training.BatchesPerEpoch;

    private IReadOnlyDictionary<int, float>? ClassWeights => s.IsBalanced ? ClassWeighting.Balanced(training.Classes) : null;

    private LearningRateSchedule HeadRates => LearningRates.Of(s.Schedule, s.LearningRate, StepsOf(s.Epochs), s.WarmUp, "the training of the head (--epochs)");

    private LearningRateSchedule UnfrozenRates => LearningRates.Of(s.Schedule, s.UnfreezeLearningRate, StepsOf(s.UnfreezeEpochs), s.WarmUp, "the training of the unfrozen blocks (--unfreeze-epochs)");

    private void Compile(LearningRateSchedule rates) =>
        model.Compile(Optimizer.Create(s.Optimizer, rates, s.Clip > 0 ? s.Clip : null, s.WeightDecay), task.Loss, task.Metrics);

    /// <summary>What else was asked for, in words.</summary>
    private string Besides()
    {
        (float? Value, string Words)[] asked = [(s.WeightDecay, "weight decay"), (s.Clip, "gradients clipped to norm"), (s.Average, "moving average of the weights"), (s.MixUp, "mixup"), (s.CutMix, "CutMix")];
        return string.Concat(asked.Where(a => a.Value > 0).Select(a => string.Create(CultureInfo.InvariantCulture, $"; {a.Words} {a.Value}")));
    }

    /// <summary>Trains for some epochs more than there are, or goes on to their end from a state.</summary>
    /// <returns>The epoch that this training began with.</returns>
    private int Fit(string state, int epochs, int epochsAfter)
    {
        (int begun, int from, int batch) = (_history.Epochs.Count, _history.Epochs.Count, 0);
        if (s.Resume && File.Exists(state))
        {
            (_history, int done, batch) = TrainingCheckpoint.Restore(model, state, _mixed, average: _average);
            (begun, from) = (_history.Epochs.Count - done, _history.Epochs.Count);
            terminal.Line($"Going on at step {batch + 1} of epoch {from + 1}.{(_stopping is null ? "" : FineTuning.PatienceFromHere)}");
        }
        else if (state == _state.Unfrozen)
            ModelFile.Save(model, state, _history); // the head is done: whatever ends these epochs, it is gone on from
        _lines.Epochs = begun + epochs + epochsAfter;
        int told = _history.Notes.Count;
        var checkpoint = new TrainingCheckpoint(state, epochsApart: s_apart, average: _average);
        try
        {
            terminal.WithBar($"Epoch {from + 1}/{_lines.Epochs}", bar =>
            {
                validation.BatchProgress = bar.Images("Validating");
                return model.Fit(_mixed, begun + epochs, validation, new FitOptions
                {
                    Seed = s.Seed, Progress = bar, CancellationToken = terminal.Interrupt, Callbacks = [.. new Callback?[] { _average, checkpoint, _lines, _stopping }.OfType<Callback>()],
                    InitialEpoch = from, InitialBatch = batch, History = _history, FeatureCache = s.FeatureCache, Precision = s.Precision, ClassWeights = ClassWeights,
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
        FineTuning.TellKept(terminal, _history, _stopping);
        return begun;
    }
}

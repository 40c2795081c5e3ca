using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Cli;

/// <summary>A training on texts that can be interrupted and gone on with: its state and a note of how it was begun lie in the output folder.</summary>
/// <param name="settings">What is asked for.</param>
/// <param name="run">All that decides over the weights at the end: what a resumed training must have in common with the one that began.</param>
/// <param name="terminal">Where it is told about.</param>
internal sealed class TextTraining(TextFineTuningSettings settings, JsonObject run, Terminal terminal)
{
    private const string StateName = "training.graft", Finished = "finished";

    private readonly string _state = Path.Combine(settings.Output, StateName), _note = Path.Combine(settings.Output, "finetune.json");

    /// <summary>Trains a compiled model from the start or from where it was ended.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">What it learns.</param>
    /// <param name="check">What it is validated on.</param>
    /// <param name="unit">What its progress counts: blocks, texts.</param>
    /// <param name="lines">Told after each epoch, behind what keeps the state.</param>
    /// <param name="classWeights">Weight of each class in the loss, or null.</param>
    /// <returns>The history, and the epoch whose weights the model has.</returns>
    /// <exception cref="OperationCanceledException">It was interrupted; its state is kept.</exception>
    public (History History, int KeptEpoch) Train(Model model, BatchSource data, BatchSource check, string unit, IReadOnlyList<Callback> lines, IReadOnlyDictionary<int, float>? classWeights = null)
    {
        TextFineTuningSettings s = settings;
        using WeightAverage? average = s.Average > 0 ? new WeightAverage(s.Average) : null;
        EarlyStopping? stopping = s.Patience is int patience ? new EarlyStopping(patience: patience) : null;
        var checkpoint = new TrainingCheckpoint(_state, s.SaveEvery, average: average);
        Callback?[] callbacks = [average, checkpoint, .. lines, stopping];
        (History history, int epoch, int batch) = Begin(model, data, average);
        int told = history.Notes.Count;
        try
        {
            history = terminal.WithBar($"Epoch {epoch + 1}/{s.Epochs}", bar =>
            {
                bar.Unit = unit;
                return model.Fit(data, s.Epochs, check, new FitOptions
                {
                    Seed = s.Seed, Progress = bar, CancellationToken = terminal.Interrupt, InitialEpoch = epoch, InitialBatch = batch, History = history, AccumulationSteps = s.Accumulate,
                    Precision = s.Precision, ClassWeights = classWeights, Callbacks = [.. callbacks.OfType<Callback>()],
                });
            });
        }
        catch (OperationCanceledException)
        {
            if (checkpoint.SaveCancelled(model) || File.Exists(_state))
                terminal.Line("The training so far is kept; go on with the same command and --resume.");
            throw;
        }
        FineTuning.TellNotes(terminal, history, told);
        FineTuning.TellKept(terminal, history, stopping);
        return (history, stopping is { BestEpoch: >= 0 } ? stopping.BestEpoch : history.Epochs.Count - 1);
    }

    /// <summary>Notes down that its results are written: the folder makes room for another.</summary>
    public void Finish() => WriteNote(isFinished: true);

    private (History History, int Epoch, int Batch) Begin(Model model, BatchSource data, WeightAverage? average)
    {
        if (settings.Resume)
        {
            RunNote.Check(_note, run, settings.Output);
            (History history, int epoch, int batch) = TrainingCheckpoint.Restore(model, _state, data, settings.Accumulate, average);
            terminal.Line($"Going on at step {batch} of epoch {epoch + 1}.{(settings.Patience is null ? "" : FineTuning.PatienceFromHere)}");
            return (history, epoch, batch);
        }
        if (File.Exists(_state) && !settings.Overwrites && !IsFinished)
            throw new GraftException($"{settings.Output}: holds a training that has not come to its end; go on with it by --resume, remove {StateName} to begin anew, or name another --output folder.");
        File.Delete(_state);
        WriteNote(isFinished: false);
        return (new History(), 0, 0);
    }

    private bool IsFinished => File.Exists(_note) && RunNote.Read(_note)[Finished]?.GetValueKind() == JsonValueKind.True;

    private void WriteNote(bool isFinished)
    {
        JsonObject note = run.DeepClone().AsObject();
        note[Finished] = isFinished;
        RunNote.Write(_note, note);
    }
}

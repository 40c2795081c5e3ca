using System.Globalization;
using Graft.Importers.Images;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>What a fine-tuning is asked to do.</summary>
internal sealed record FineTuningSettings
{
    public required string Data { get; init; }

    public string? Validation { get; init; }

    /// <summary>Of a table, what its labels are.</summary>
    public OutputKind Labels { get; init; }

    /// <summary>Of a table, the column of photographs; null for the first.</summary>
    public string? ImageColumn { get; init; }

    /// <summary>Of a table, the columns of labels; null for all others.</summary>
    public IReadOnlyList<string>? LabelColumns { get; init; }

    /// <summary>Of numbers, one of <see cref="FineTuningTask.NumberLosses"/>.</summary>
    public string NumberLoss { get; init; } = "mse";

    public double Split { get; init; } = 0.2;

    public string Base { get; init; } = "resnet18";

    public string? Weights { get; init; }

    public string? Preprocess { get; init; }

    public int Size { get; init; } = 224;

    public int Batch { get; init; } = 32;

    public int Epochs { get; init; } = 10;

    public string Head { get; init; } = "gap-dense256";

    public string Optimizer { get; init; } = "adam";

    public float LearningRate { get; init; } = 1e-3f;

    /// <summary>True looks for a learning rate of the head before it is trained, and tells it.</summary>
    public bool FindsLearningRate { get; init; }

    public int Unfreeze { get; init; }

    public int UnfreezeEpochs { get; init; } = 3;

    public float UnfreezeLearningRate { get; init; } = 1e-5f;

    /// <summary>Epochs without a lower val_loss after which a phase ends with the weights of its best epoch; null runs all epochs and keeps the last weights.</summary>
    public int? Patience { get; init; }

    /// <summary>One of <see cref="LearningRates.Schedules"/>, in each of the two trainings.</summary>
    public string Schedule { get; init; } = "constant";

    /// <summary>Steps at the beginning of each training in which the learning rate rises.</summary>
    public int WarmUp { get; init; }

    /// <summary>Weight decay of AdamW; null for its own.</summary>
    public float? WeightDecay { get; init; }

    /// <summary>Norm that all gradients together are clipped to; 0 for none.</summary>
    public float Clip { get; init; }

    /// <summary>Momentum of a moving average of the weights; 0 for none.</summary>
    public float Average { get; init; }

    /// <summary>Alpha of mixup; 0 for none.</summary>
    public float MixUp { get; init; }

    /// <summary>Alpha of CutMix; 0 for none.</summary>
    public float CutMix { get; init; }

    /// <summary>True makes rare classes count as much as others in the loss.</summary>
    public bool IsBalanced { get; init; }

    public float LabelSmoothing { get; init; }

    public bool Augment { get; init; }

    public FeatureCacheOptions FeatureCache { get; init; } = FeatureCacheOptions.Default;

    public int Seed { get; init; }

    public BadImages BadImages { get; init; }

    public ResizeFilter Resize { get; init; } = ResizeFilter.Bilinear;

    public bool Exif { get; init; }

    /// <summary>Whether large JPEG files are decoded at a reduced size.</summary>
    public bool Draft { get; init; }

    public long ImageMemory { get; init; } = new ImageFolderOptions().MemoryBudget;

    public ComputePrecision Precision { get; init; } = ComputePrecision.Float32;

    /// <summary>True goes on with the training in <see cref="Output"/> that was ended early.</summary>
    public bool Resume { get; init; }

    /// <summary>True begins anew also where a training was ended early.</summary>
    public bool Overwrites { get; init; }

    public required string Output { get; init; }
}

/// <summary>What a fine-tuning made.</summary>
/// <param name="Model">The model.</param>
/// <param name="History">Its epochs.</param>
/// <param name="Validation">What it was validated on.</param>
/// <param name="KeptEpoch">The epoch whose weights the model has, from 0.</param>
/// <param name="Watched">Name of the number that tells how good it is.</param>
/// <param name="Result">What the model says of the validation images.</param>
internal sealed record FineTuned(Model Model, History History, ImageBatches Validation, int KeptEpoch, string Watched, EvaluationResult Result)
{
    /// <summary>The watched number on the validation images: "val_accuracy=0.9800".</summary>
    public string Score => string.Create(CultureInfo.InvariantCulture, $"val_{Watched}={History[$"val_{Watched}"][KeptEpoch]:F4}");
}

/// <summary>The main job: a frozen pretrained base, a new head, photographs with labels.</summary>
internal static class FineTuning
{
    /// <summary>Trains, writes model.graft, history and pictures, and returns what was made.</summary>
    public static FineTuned Run(FineTuningSettings s, Terminal terminal)
    {
        PrepareOutput(s.Output);
        var data = new FineTuningData(s);
        terminal.Line($"Loading base {s.Base} ...");
        Model pretrained = terminal.Own(PretrainedBase.Load(s.Base, s.Weights, s.Size, s.Preprocess));
        var input = new ImageInput(s.Size, s.Size, s.Resize, AppliesOrientation: s.Exif, Draft: s.Draft);
        terminal.Line($"Pixels are prepared as '{pretrained.Preprocessing!.Name}', {input.Describe()}.");
        PretrainedBase.CheckBlocks(pretrained, s.Base, s.Unfreeze);
        terminal.Interrupt.ThrowIfCancellationRequested();
        (ImageBatches trainData, ImageBatches validData) = terminal.WithBar("Reading images", bar => data.Open(pretrained.Preprocessing, bar, terminal.Interrupt));
        var lines = new DataLines(s, terminal);
        if (OtherFiles.Tell(data.ClassFolders) is { } others)
            terminal.Line(others);
        lines.TellBad(data.BadFiles);
        lines.Describe("training", trainData);
        lines.Describe("validation", validData);
        lines.TellUnvalidated(validData);
        lines.TellImbalance(trainData);

        FineTuningTask task = FineTuningTask.For(s, trainData);
        Model model = terminal.Own(Build(s, pretrained, task));
        model.SetSeed(s.Seed);
        model.PlanOptions = model.PlanOptions with { Precision = s.Precision };
        model.ClassNames = trainData.ClassNames;
        model.OutputKind = task.Kind;
        model.Preprocessing = trainData.Preprocessing;
        CheckRoom(s.Output, model);
        terminal.Line(model.Summary(terminal.IsInteractive ? terminal.Width : 80));
        using var phases = new FineTuningPhases(s, terminal, model, pretrained, task, trainData, validData);
        (History history, int kept, int? unfrozenAt) = phases.Run();
        EvaluationResult? result = EvaluateUnlessInterrupted(model, validData, terminal);
        const string Written = "model.graft, history.json, history.csv, curves.png";
        ModelFile.Save(model, Path.Combine(s.Output, "model.graft"), history);
        history.Save(Path.Combine(s.Output, "history.json"));
        history.Save(Path.Combine(s.Output, "history.csv"));
        Charts.Curves(history, task.Watched, Path.Combine(s.Output, "curves.png"), unfrozenAt);
        ValidationReport.Remove(s.Output); // one of an earlier training would not be this model's
        string? picture = result is null ? null : ValidationReport.Write(terminal, task.Kind, result, validData, s.Output);
        phases.End();
        if (result is null)
            throw new InterruptedException($"interrupted after the training, while its result was evaluated: {Written} are written to {s.Output} and whole; 'graft evaluate' measures the model.");
        terminal.Line($"Wrote {Written}{(picture is null ? "" : $", {picture}")} to {s.Output}");
        return new FineTuned(model, history, validData, kept, task.Watched, result);
    }

    // A training that came to its end is not thrown away with its last measurement.
    private static EvaluationResult? EvaluateUnlessInterrupted(Model model, ImageBatches data, Terminal terminal)
    {
        try
        {
            return model.Evaluate(data, keepPredictions: true, terminal.Interrupt);
        }
        catch (OperationCanceledException) when (terminal.Interrupt.IsCancellationRequested)
        {
            return null;
        }
    }

    private static Sequential Build(FineTuningSettings s, Model pretrained, FineTuningTask task)
    {
        var model = new Sequential(s.Size, s.Size, 3) { pretrained };
        model.Add(s.Head.StartsWith("flatten", StringComparison.Ordinal) ? new Flatten() : new GlobalAveragePooling2D());
        if (s.Head.EndsWith("dense256", StringComparison.Ordinal))
            model.Add(new Dense(256, Activation.ReLU));
        task.AddTo(model);
        return model;
    }

    /// <summary>What a training that is gone on with says of its patience.</summary>
    public const string PatienceFromHere = " Patience counts from here; weights of earlier epochs are not gone back to.";

    /// <summary>Says of a training with patience whose weights are kept.</summary>
    public static void TellKept(Terminal terminal, History history, EarlyStopping? stopping)
    {
        if (stopping is not { BestEpoch: >= 0 })
            return;
        string kept = string.Create(CultureInfo.InvariantCulture, $"epoch {stopping.BestEpoch + 1} (val_loss {history["val_loss"][stopping.BestEpoch]:F4})");
        terminal.Line(stopping.StoppedEpoch >= 0 ? $"Stopped early: no lower val_loss since {kept}; the weights of that epoch are kept." : $"The weights of {kept}, the best one, are kept.");
    }

    public static void TellNotes(Terminal terminal, History history, int from)
    {
        foreach (string note in history.Notes.Skip(from))
            terminal.Line(char.ToUpperInvariant(note[0]) + note[1..] + ".");
    }

    /// <summary>Finds out before training whether the results can be written.</summary>
    public static void PrepareOutput(string folder)
    {
        string probe = Path.Combine(folder, $".graft-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{folder}: cannot be written ({e.Message}); name another --output folder.", e);
        }
    }

    /// <summary>Finds out before training whether the model file will fit: its weights, and two optimizer slots for those that move.</summary>
    private static void CheckRoom(string folder, Model model)
    {
        long needed = sizeof(float) * model.Parameters.Sum(p => p.Shape.Count * (p.IsTrainable ? 3 : 1)), free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (free < needed)
            throw new GraftException($"{folder}: {free >> 20:N0} MiB are free there, the model file takes {needed >> 20:N0} MiB; make room or name another --output folder.");
    }
}

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

    public int Unfreeze { get; init; }

    public int UnfreezeEpochs { get; init; } = 3;

    public float UnfreezeLearningRate { get; init; } = 1e-5f;

    /// <summary>Epochs without a lower val_loss after which a phase ends with the weights of its best epoch; null runs all epochs and keeps the last weights.</summary>
    public int? Patience { get; init; }

    /// <summary>True makes rare classes count as much as others in the loss.</summary>
    public bool IsBalanced { get; init; }

    public float LabelSmoothing { get; init; }

    public bool Augment { get; init; }

    public FeatureCacheOptions FeatureCache { get; init; } = FeatureCacheOptions.Default;

    public int Seed { get; init; }

    public BadImages BadImages { get; init; }

    public ResizeFilter Resize { get; init; } = ResizeFilter.Bilinear;

    public bool Exif { get; init; }

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
internal sealed record FineTuned(Model Model, History History, ImageFolder Validation, int KeptEpoch)
{
    /// <summary>Accuracy of the model on the validation images.</summary>
    public double ValidationAccuracy => History["val_accuracy"][KeptEpoch];
}

/// <summary>The main job: a frozen pretrained base, a new head, a folder of photographs.</summary>
internal static class FineTuning
{
    /// <summary>Trains, writes model.graft, history.json, history.csv and curves.png, and returns what was made.</summary>
    public static FineTuned Run(FineTuningSettings s, Terminal terminal)
    {
        PrepareOutput(s.Output);
        (string train, string? validation) = ImageFolder.FindSplit(s.Data);
        validation = s.Validation ?? validation;
        int classes = ImageFolder.ClassesOf(train).Count;
        terminal.Line($"Loading base {s.Base} ...");
        Model pretrained = terminal.Own(PretrainedBase.Load(s.Base, s.Weights, s.Size, s.Preprocess));
        string upright = s.Exif ? ", turned upright by EXIF" : "";
        terminal.Line($"Pixels are prepared as '{pretrained.Preprocessing!.Name}', resized by {s.Resize.ToString().ToLowerInvariant()} to {s.Size} x {s.Size}{upright}.");
        terminal.Interrupt.ThrowIfCancellationRequested();
        (ImageFolder trainData, ImageFolder validData) = terminal.WithBar("Reading images", bar => OpenData(s, pretrained.Preprocessing, train, validation, bar, terminal.Interrupt));
        Describe(terminal, "training", trainData, s.BadImages == BadImages.Substitute);
        Describe(terminal, "validation", validData, s.BadImages == BadImages.Substitute);
        TellImbalance(s, terminal, trainData);

        bool binary = classes == 2;
        Model model = terminal.Own(Build(s, pretrained, binary ? 1 : classes));
        model.SetSeed(s.Seed);
        model.PlanOptions = model.PlanOptions with { Precision = s.Precision };
        model.ClassNames = trainData.ClassNames;
        model.Preprocessing = trainData.Preprocessing;
        CheckRoom(s.Output, model);
        terminal.Line(model.Summary(terminal.IsInteractive ? terminal.Width : 80));
        var phases = new FineTuningPhases(s, terminal, model, pretrained, trainData, validData);
        (History history, int kept) = phases.Run();
        ModelFile.Save(model, Path.Combine(s.Output, "model.graft"), history);
        history.Save(Path.Combine(s.Output, "history.json"));
        history.Save(Path.Combine(s.Output, "history.csv"));
        Charts.Curves(history, Path.Combine(s.Output, "curves.png"));
        phases.End();
        terminal.Line($"Wrote model.graft, history.json, history.csv and curves.png to {s.Output}");
        return new FineTuned(model, history, validData, kept);
    }

    private static (ImageFolder Training, ImageFolder Validation) OpenData(FineTuningSettings s, Preprocessing preprocessing, string train, string? validation, LiveBar bar, CancellationToken interrupt)
    {
        var options = new ImageFolderOptions
        {
            LabelKind = ImageFolder.ClassesOf(train).Count == 2 ? LabelKind.Binary : LabelKind.Categorical, Resize = s.Resize, AppliesOrientation = s.Exif, BadImages = s.BadImages,
            ShuffleSeed = s.Seed, Augmentation = s.Augment ? Augmentation.Standard : null, MemoryBudget = s.ImageMemory,
            ValidationSplit = validation is null ? s.Split : 0, Subset = validation is null ? Subset.Training : Subset.All,
            Progress = bar.Images("Reading training images"), CancellationToken = interrupt,
        };
        List<BadImagesException> bad = []; // of both folders, so that all damaged files are told at once
        ImageFolder? Open(string path, ImageFolderOptions o)
        {
            try
            {
                return ImageFolder.Open(path, (s.Size, s.Size), s.Batch, preprocessing, o);
            }
            catch (BadImagesException e)
            {
                bad.Add(e);
                return null;
            }
        }
        ImageFolder? training = Open(train, options);
        ImageFolder? check = Open(validation ?? train, options with
        {
            Augmentation = null, ShuffleSeed = null, ClassNames = ImageFolder.ClassesOf(train), Subset = validation is null ? Subset.Validation : Subset.All,
            MemoryBudget = s.ImageMemory - (training?.KeptBytes ?? 0), Progress = bar.Images("Reading validation images"),
        });
        return bad.Count == 0 ? (training!, check!) : throw new GraftException($"{string.Join(" and ", bad.Select(b => b.Folder).Distinct())}: {bad.Sum(b => b.Reasons.Count)} of {bad.Sum(b => b.Files)} images cannot be read; "
            + $"mend or remove them, or go on without them by --on-bad-image skip:\n  {string.Join("\n  ", bad.SelectMany(b => b.Reasons))}");
    }

    private static Sequential Build(FineTuningSettings s, Model pretrained, int outputs)
    {
        var model = new Sequential(s.Size, s.Size, 3) { pretrained };
        model.Add(s.Head.StartsWith("flatten", StringComparison.Ordinal) ? new Flatten() : new GlobalAveragePooling2D());
        if (s.Head.EndsWith("dense256", StringComparison.Ordinal))
            model.Add(new Dense(256, Activation.ReLU));
        model.Add(new Dense(outputs, outputs == 1 ? Activation.Sigmoid : Activation.Softmax) { Name = "predictions" });
        return model;
    }

    public static void TellNotes(Terminal terminal, History history, int from)
    {
        foreach (string note in history.Notes.Skip(from))
            terminal.Line(char.ToUpperInvariant(note[0]) + note[1..] + ".");
    }

    private static void Describe(Terminal terminal, string what, ImageFolder data, bool substituted)
    {
        terminal.Line($"{data.Count} {what} images: {string.Join(", ", data.ClassNames.Select((c, i) => $"{c} {data.Classes.Count(k => k == i)}"))}");
        foreach (string bad in data.BadFiles)
            terminal.Line($"  {(substituted ? "substituted" : "skipped")} {bad}");
    }

    /// <summary>A rare class is easily never answered, while accuracy looks well.</summary>
    private static void TellImbalance(FineTuningSettings s, Terminal terminal, ImageFolder data)
    {
        const int Much = 3;
        int[] counts = [.. data.Classes.CountBy(c => c).Select(c => c.Value)];
        if (s.IsBalanced)
            terminal.Line($"Weights of the classes in the loss: {string.Join(", ", ClassWeighting.Balanced(data.Classes).OrderBy(w => w.Key).Select(w => string.Create(CultureInfo.InvariantCulture, $"{data.ClassNames[w.Key]} {w.Value:0.00}")))}.");
        else if (counts.Max() >= Much * counts.Min())
            terminal.Line($"The largest class has {counts.Max() / counts.Min()} times as many images as the smallest: --class-weights balanced makes them count the same, and 'graft evaluate' shows precision and recall of each.");
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

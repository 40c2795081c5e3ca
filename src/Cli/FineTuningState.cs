using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Cli;

/// <summary>What a fine-tuning on photographs keeps in its folder until it comes to its end, to go on from: a note of its settings, and the state of the part that runs.</summary>
internal sealed class FineTuningState(FineTuningSettings s)
{
    private const string NoteName = "finetune.json", HeadName = "training.graft", UnfrozenName = "training-unfrozen.graft";

    private string Note => Path.Combine(s.Output, NoteName);

    /// <summary>The state of the head's training.</summary>
    public string Head => Path.Combine(s.Output, HeadName);

    /// <summary>The state of the training of unfrozen blocks, once that has begun.</summary>
    public string Unfrozen => Path.Combine(s.Output, UnfrozenName);

    /// <summary>True where there is a training to go on with.</summary>
    public bool IsThere => File.Exists(Head) || File.Exists(Unfrozen);

    /// <summary>True where the part that is gone on with is that of the unfrozen blocks.</summary>
    public bool GoesOnUnfrozen => s.Resume && File.Exists(Unfrozen);

    /// <summary>Begins a training, or checks that the one that is gone on with was begun with the same settings and images.</summary>
    /// <exception cref="GraftException">There is one and none is to be gone on with, or the other way round, or it was begun otherwise.</exception>
    public void Open(int trainingImages, int validationImages)
    {
        JsonObject run = Settings(trainingImages, validationImages);
        if (s.Resume)
        {
            RunNote.Check(Note, run, s.Output);
            return;
        }
        if (IsThere && !s.Overwrites)
            throw new GraftException($"{s.Output}: holds a training that has not come to its end; go on with it by --resume, remove {NoteName}, {HeadName} and {UnfrozenName} to begin anew, or name another --output folder.");
        Remove();
        RunNote.Write(Note, run);
    }

    /// <summary>Removes all of it: the training came to its end, or there is nothing to go on from.</summary>
    public void Remove()
    {
        foreach (string file in new[] { Note, Head, Unfrozen })
            File.Delete(file);
    }

    /// <summary>All that decides over the weights at the end.</summary>
    private JsonObject Settings(int trainingImages, int validationImages) => new()
    {
        ["data"] = Path.GetFullPath(s.Data),
        ["table"] = FineTuningData.DigestOf(s), // as all of tables, absent from notes of folders
        ["labels"] = s.Labels == OutputKind.Classes ? null : LabelsOption.WordOf(s.Labels),
        ["image-column"] = s.ImageColumn,
        ["label-columns"] = s.LabelColumns is null ? null : LabelsOption.TextOf(s.LabelColumns),
        ["masks"] = s.Masks is { } masks ? Path.GetFullPath(masks.Folder) : null, // as all of masks, absent from other notes
        ["validation-masks"] = s.Masks?.Validation,
        ["class-names"] = s.Masks?.ClassNames is { } names ? LabelsOption.TextOf(names) : null,
        ["mask-values"] = s.Masks?.Values is { } values ? string.Join(',', values) : null,
        ["ignore"] = s.Masks?.Ignored is byte ignored ? (int)ignored : null,
        ["mask-suffix"] = s.Masks?.Suffix is { Length: > 0 } suffix ? suffix : null,
        ["loss"] = s.Masks is not null ? s.PixelLoss : s.Labels == OutputKind.Values ? s.NumberLoss : null,
        ["images"] = $"{trainingImages} and {validationImages}",
        ["validation"] = s.Validation,
        ["split"] = s.Split,
        [RunNote.Split] = FineTuningData.HoldsBackOfFolders(s) ? "drawn by the seed" : null,
        ["base"] = s.Base,
        ["weights"] = s.Weights,
        ["preprocess"] = s.Preprocess,
        ["size"] = s.Size,
        ["batch"] = s.Batch,
        ["epochs"] = s.Epochs,
        ["head"] = s.Head,
        ["optimizer"] = s.Optimizer,
        ["learning-rate"] = s.LearningRate,
        ["unfreeze"] = s.Unfreeze,
        ["unfreeze-epochs"] = s.UnfreezeEpochs,
        ["unfreeze-learning-rate"] = s.UnfreezeLearningRate,
        ["patience"] = s.Patience,
        ["schedule"] = s.Schedule == "constant" ? null : s.Schedule,
        ["warmup"] = s.WarmUp > 0 ? s.WarmUp : null,
        ["weight-decay"] = s.WeightDecay,
        ["clip"] = s.Clip > 0 ? s.Clip : null,
        ["ema"] = s.Average > 0 ? s.Average : null,
        ["mixup"] = s.MixUp > 0 ? s.MixUp : null,
        ["cutmix"] = s.CutMix > 0 ? s.CutMix : null,
        ["class-weights"] = s.IsBalanced ? "balanced" : null, // as in notes from before there was this
        ["label-smoothing"] = s.LabelSmoothing > 0 ? s.LabelSmoothing : null,
        ["augment"] = s.Augment,
        ["augmented-copies"] = s.FeatureCache.AugmentedCopies,
        ["seed"] = s.Seed,
        ["on-bad-image"] = s.BadImages.ToString().ToLowerInvariant(),
        ["resize"] = s.Resize.ToString().ToLowerInvariant(),
        ["exif"] = s.Exif,
        ["draft"] = s.Draft ? true : null, // as in notes from before there was this
        ["precision"] = s.Precision.Word(),
    };
}

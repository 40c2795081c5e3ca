using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>What to do with files that cannot be decoded.</summary>
public enum BadImages
{
    /// <summary>One error that lists them all.</summary>
    Throw,

    /// <summary>Leave them out; <see cref="ImageBatches.BadFiles"/> lists them.</summary>
    Skip,

    /// <summary>Take the next good image of the same class a second time, so that counts and batches stay as they are.</summary>
    Substitute,
}

/// <summary>Which part of a folder that is split into training and validation.</summary>
public enum Subset
{
    /// <summary>All files.</summary>
    All,

    /// <summary>All but the first share of each class.</summary>
    Training,

    /// <summary>The first share of each class, in sorted order, as Keras takes it.</summary>
    Validation,
}

/// <summary>How an image folder is read.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>Layout of the labels.</summary>
    public LabelKind LabelKind { get; init; } = LabelKind.Categorical;

    /// <summary>Resampling to the target size; Keras's default is the nearest pixel.</summary>
    public ResizeFilter Resize { get; init; } = ResizeFilter.Nearest;

    /// <summary>Channels of the images.</summary>
    public ColorMode ColorMode { get; init; }

    /// <summary>True turns images upright as their EXIF orientation says; Keras does not.</summary>
    public bool AppliesOrientation { get; init; }

    /// <inheritdoc cref="ImageInput.Draft" path="/summary"/>
    public bool Draft { get; init; }

    /// <summary>Random transforms, or null for none.</summary>
    public Augmentation? Augmentation { get; init; }

    /// <summary>Seed of the order, drawn anew for each epoch; null keeps the order of the files.</summary>
    public int? ShuffleSeed { get; init; }

    /// <summary>Share of each class that is validation, 0 to below 1.</summary>
    public double ValidationSplit { get; init; }

    /// <summary>Which part is read.</summary>
    public Subset Subset { get; init; }

    /// <summary>What to do with files that cannot be decoded.</summary>
    public BadImages BadImages { get; init; }

    /// <summary>The classes in their order, of which the folder or table has some and no others: those of the training, to validate on another. Null takes those that are there, sorted.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>Threads that decode and prepare batches ahead of training; what is delivered does not depend on their number.</summary>
    public int Workers { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>
    /// Bytes of resized pixels that are kept from one epoch to the next: 512 MiB hold 3500 images of 224 x 224. The images beyond it, the last
    /// of the folder, are decoded again for each epoch.
    /// </summary>
    public long MemoryBudget { get; init; } = 512L << 20;

    /// <summary>Told while the folder is opened how many of how many files are decoded; called from any thread, one at a time.</summary>
    public IProgress<(int Done, int Total)>? Progress { get; init; }

    /// <summary>Ends the opening of the folder.</summary>
    public CancellationToken CancellationToken { get; init; }
}

using System.Collections.Concurrent;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Photographs in one folder a class, as Keras's flow_from_directory reads them.</summary>
/// <remarks>
/// Classes and files are sorted by code point; the files of a folder come before those of its sub-folders, and links to
/// folders inside a class are not followed. Every file is decoded and resized when the folder is
/// opened, so that all bad files are known before the first epoch; the small pixels are kept, so that no epoch decodes again.
/// </remarks>
public sealed class ImageFolder : BatchSource
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    private readonly ImageFolderOptions _options;
    private readonly (int Height, int Width) _size;
    private readonly List<(string Path, int Class, byte[] Rgb)> _samples;

    private ImageFolder(ImageFolderOptions options, Preprocessing preprocessing, (int, int) size, int batchSize, string[] classes,
        List<(string, int, byte[])> samples, IReadOnlyList<string> badFiles)
    {
        _options = options;
        Preprocessing = preprocessing;
        _size = size;
        BatchSize = batchSize;
        ClassNames = classes;
        _samples = samples;
        BadFiles = badFiles;
    }

    /// <inheritdoc/>
    public override int Count => _samples.Count;

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape => new(_size.Height, _size.Width, 3);

    /// <inheritdoc/>
    public override Shape LabelShape => new(LabelKind == LabelKind.Categorical ? ClassNames.Count : 1);

    /// <inheritdoc/>
    public override LabelKind LabelKind => _options.LabelKind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override bool IsDeterministic => _options.Augmentation is null;

    /// <summary>How a file becomes a sample: the preprocessing that was given, with this folder's size and filter.</summary>
    public override Preprocessing Preprocessing { get; }

    /// <summary>One line for each file that was left out: its path and the reason.</summary>
    public IReadOnlyList<string> BadFiles { get; }

    /// <summary>Full path of each sample, in the order of <see cref="Batch.Indices"/>.</summary>
    public IReadOnlyList<string> Files => [.. _samples.Select(s => s.Path)];

    /// <summary>Class of each sample, in the order of <see cref="Batch.Indices"/>.</summary>
    public IReadOnlyList<int> Classes => [.. _samples.Select(s => s.Class)];

    /// <summary>Opens a folder and decodes all its files.</summary>
    /// <exception cref="GraftException">The folder is missing, has fewer than two classes or no images, its classes are not the
    /// required ones, or files cannot be decoded: all of them are listed.</exception>
    public static ImageFolder Open(string path, (int Height, int Width) size, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1);
        PreprocessingChoice.Require(preprocessing, $"{path}: the folder"); // for callers without nullable checks
        options ??= new ImageFolderOptions();
        CheckOptions(path, options);
        string[] classes = FindClasses(path, options);
        var files = new List<(string Path, int Class)>();
        for (int c = 0; c < classes.Length; c++)
        {
            string[] found = [.. FilesOf(Path.Combine(path, classes[c]))];
            if (found.Length == 0)
                throw new GraftException($"{Path.Combine(path, classes[c])}: no images; a class folder holds {string.Join(", ", Endings)} files.");
            int validation = (int)(options.ValidationSplit * found.Length);
            files.AddRange((options.Subset switch { Subset.All => found, Subset.Validation => found[..validation], _ => found[validation..] }).Select(f => (f, c)));
        }
        if (files.Count == 0)
            throw new GraftException($"{path}: no images for {options.Subset.ToString().ToLowerInvariant()}; its class folders hold no {string.Join(", ", Endings)} files (with this split).");
        return Decode(path, files, size, batchSize, preprocessing, options, classes);
    }

    /// <summary>Opens a folder for a model: in its size, and with its preprocessing, so that both are the same wherever it is used.</summary>
    /// <exception cref="GraftException">The model has no preprocessing (the message names the choices) or takes no RGB images; and what
    /// the other overload throws.</exception>
    public static ImageFolder Open(string path, Model model, int batchSize, ImageFolderOptions? options = null)
    {
        Shape input = model.Inputs[0].Shape;
        if (model.Inputs.Count != 1 || input.Rank != 3 || input[2] != 3)
            throw new GraftException($"Model '{model.Name}' takes {string.Join(" and ", model.Inputs.Select(i => i.Shape))}; a folder of images gives one [H,W,3].");
        return Open(path, (input[0], input[1]), batchSize, model.RequirePreprocessing(), options);
    }

    /// <summary>Names of the class folders, sorted by code point; hidden folders are none.</summary>
    /// <exception cref="GraftException">The folder is missing or has fewer than two class folders.</exception>
    public static IReadOnlyList<string> ClassesOf(string path) => FindClasses(path, new ImageFolderOptions());

    /// <summary>The folders to train on and to validate on: DIR/train and DIR/validation where there are, else DIR alone.</summary>
    public static (string Train, string? Validation) FindSplit(string path)
    {
        string train = Path.Combine(path, "train"), validation = Path.Combine(path, "validation");
        return Directory.Exists(train) && Directory.Exists(validation) ? (train, validation) : (path, null);
    }

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        int[] order = [.. Enumerable.Range(0, Count)];
        if (_options.ShuffleSeed is { } seed)
            new Random((int)(RandomSeed.Of(seed, epoch, 0) >> 33)).Shuffle(order);
        // Batches are begun ahead of the consumer and handed over in order: who prepares one does not matter.
        var ahead = new Queue<Task<Batch>>();
        int next = firstBatch;
        while (true)
        {
            while (ahead.Count <= _options.Workers && next < BatchesPerEpoch)
            {
                int[] indices = order[(next * BatchSize)..Math.Min(Count, (next + 1) * BatchSize)];
                ahead.Enqueue(Task.Run(() => Prepare(indices, epoch), cancellationToken));
                next++;
            }
            if (!ahead.TryDequeue(out Task<Batch>? task))
                yield break;
            cancellationToken.ThrowIfCancellationRequested();
            yield return task.GetAwaiter().GetResult();
        }
    }

    private Batch Prepare(int[] indices, int epoch)
    {
        int pixels = (int)SampleShape.Count, width = (int)LabelShape.Count;
        var inputs = new float[indices.Length * pixels];
        var labels = new float[indices.Length * width];
        for (int i = 0; i < indices.Length; i++)
        {
            (_, int label, byte[] rgb) = _samples[indices[i]];
            float[] image = Array.ConvertAll(rgb, b => (float)b);
            if (_options.Augmentation is { } augmentation)
            {
                var random = new Random((int)(RandomSeed.Of(_options.ShuffleSeed ?? 0, epoch + 1, indices[i]) >> 33));
                image = augmentation.Draw(random, _size.Height, _size.Width).Apply(image, _size.Height, _size.Width);
            }
            Preprocessing.Apply(image, inputs.AsSpan(i * pixels, pixels));
            if (LabelKind == LabelKind.Categorical)
                labels[i * width + label] = 1;
            else
                labels[i] = label;
        }
        return new Batch(inputs, SampleShape.Prepend(indices.Length), labels, LabelShape.Prepend(indices.Length)) { Indices = indices };
    }

    private static ImageFolder Decode(string path, List<(string Path, int Class)> files, (int Height, int Width) size, int batchSize,
        Preprocessing preprocessing, ImageFolderOptions options, string[] classes)
    {
        var pixels = new byte[files.Count][];
        var bad = new ConcurrentDictionary<int, string>();
        Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = options.Workers }, i =>
        {
            try
            {
                pixels[i] = ImageResize.Run(ImageDecoder.Decode(files[i].Path), size.Height, size.Width, options.Resize).Rgb;
            }
            catch (GraftException e)
            {
                bad[i] = e.Message; // collected: all of them are reported at once
            }
        });
        string[] reasons = [.. bad.OrderBy(b => b.Key).Select(b => b.Value)];
        if (reasons.Length > 0 && options.BadImages == BadImages.Throw)
            throw new GraftException($"{path}: {reasons.Length} of {files.Count} images cannot be read; mend or remove them, or skip bad images:\n  {string.Join("\n  ", reasons)}");
        List<(string, int, byte[])> samples = [.. files.Select((f, i) => (f.Path, f.Class, pixels[i])).Where(s => s.Item3 is not null)];
        return samples.Count > 0 ? new ImageFolder(options, preprocessing, size, batchSize, classes, samples, reasons)
            : throw new GraftException($"{path}: none of its {files.Count} images can be read:\n  {string.Join("\n  ", reasons)}");
    }

    private static string[] FindClasses(string path, ImageFolderOptions options)
    {
        if (!Directory.Exists(path))
            throw new GraftException($"{path}: no such folder; name one that holds a folder of images for each class.");
        string[] classes = [.. Directory.GetDirectories(path).Select(d => Path.GetFileName(d))
            .Where(d => !d.StartsWith('.')).Order(StringComparer.Ordinal)]; // .ipynb_checkpoints is no class
        if (classes.Length < 2)
            throw new GraftException($"{path}: {(classes.Length == 0 ? "no class folders" : $"one class folder only, '{classes[0]}'")}; training needs a folder of images for each of two or more classes.");
        if (options.LabelKind == LabelKind.Binary && classes.Length != 2)
            throw new GraftException($"{path}: {classes.Length} class folders ({string.Join(", ", classes)}), but binary labels take 2; use categorical labels.");
        if (options.ClassNames is { } required && !required.SequenceEqual(classes))
            throw new GraftException($"{path}: its classes are {string.Join(", ", classes)}, but the model was taught {string.Join(", ", required)}; the folders must be the same.");
        return classes;
    }

    private static void CheckOptions(string path, ImageFolderOptions options)
    {
        if (options.Workers < 1)
            throw new GraftException($"{path}: {options.Workers} workers; take 1 or more.");
        if (!(options.ValidationSplit >= 0 && options.ValidationSplit < 1))
            throw new GraftException($"{path}: a validation split of {options.ValidationSplit}; take a share of 0 to below 1, such as 0.2.");
        if (options.LabelKind == LabelKind.Values)
            throw new GraftException($"{path}: folders give classes, not values; take binary, categorical or sparse labels.");
    }

    private static IEnumerable<string> FilesOf(string folder)
    {
        var noLinks = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        string[] folders = [folder, .. Directory.EnumerateDirectories(folder, "*", noLinks)];
        return folders.Order(StringComparer.Ordinal).SelectMany(f => Directory.EnumerateFiles(f)
            .Where(file => Endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal));
    }
}

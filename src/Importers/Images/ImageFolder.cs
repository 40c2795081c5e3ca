using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Photographs in one folder a class, as Keras's flow_from_directory reads them.</summary>
/// <remarks>
/// Classes and files are sorted by code point; the files of a folder come before those of its sub-folders, and links to
/// folders inside a class are not followed. PNG, JPEG, BMP, PPM and TIFF files are taken, as by Keras, and GIF, WebP and PGM.
/// Every file is decoded and resized when the folder is opened, so that all bad files are known before the first epoch. The small pixels
/// are kept up to <see cref="ImageFolderOptions.MemoryBudget"/>; beyond it, files are decoded again in each epoch.
/// </remarks>
public sealed class ImageFolder : BatchSource
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".gif", ".webp"];

    private static readonly string[] ValidationNames = ["validation", "val", "valid"], SplitNames = ["train", "training", "test", "testing", .. ValidationNames];

    private readonly ImageFolderOptions _options;
    private readonly ImageReader _reader;
    private readonly List<Sample> _samples;
    private readonly InputArrays _inputs;
    private string? _fingerprint;

    private ImageFolder(ImageFolderOptions options, Preprocessing preprocessing, int batchSize, string[] classes, List<Sample> samples, IReadOnlyList<string> badFiles)
    {
        _options = options;
        Preprocessing = preprocessing;
        _reader = new ImageReader(preprocessing);
        BatchSize = batchSize;
        ClassNames = classes;
        _samples = samples;
        BadFiles = badFiles;
        _inputs = new InputArrays(batchSize * SampleShape.Count);
    }

    /// <inheritdoc/>
    public override int Count => _samples.Count;

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape => _reader.Shape;

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

    /// <summary>Told of each batch that is handed out: samples of this epoch so far, and all of it.</summary>
    public IProgress<(int Done, int Total)>? BatchProgress { get; set; }

    /// <summary>Bytes of pixels that are kept between epochs.</summary>
    public long KeptBytes => _samples.Sum(s => (long)(s.Pixels?.Length ?? 0));

    /// <summary>One line for each file that was left out: its path and the reason.</summary>
    public IReadOnlyList<string> BadFiles { get; }

    /// <inheritdoc/>
    /// <remarks>SHA-256 over the content of every file in order, and over how files become samples.</remarks>
    public override string Fingerprint => _fingerprint ??= FindFingerprint();

    /// <summary>Full path of each sample, in the order of <see cref="Batch.Indices"/>.</summary>
    public IReadOnlyList<string> Files => [.. _samples.Select(s => s.Path)];

    /// <summary>Class of each sample, in the order of <see cref="Batch.Indices"/>.</summary>
    public IReadOnlyList<int> Classes => [.. _samples.Select(s => s.Class)];

    /// <summary>Opens a folder and decodes all its files.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="size">Rows and columns that images are resized to.</param>
    /// <param name="batchSize">Samples a batch.</param>
    /// <param name="preprocessing">From pixels to the network's input.</param>
    /// <param name="options">All else.</param>
    /// <exception cref="GraftException">The folder is missing, has fewer than two classes or no images, its classes are not the
    /// required ones, or files cannot be decoded: all of them are listed.</exception>
    /// <exception cref="OperationCanceledException"><see cref="ImageFolderOptions.CancellationToken"/> was cancelled.</exception>
    public static ImageFolder Open(string path, (int Height, int Width) size, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1);
        PreprocessingChoice.Require(preprocessing, $"{path}: the folder"); // for callers without nullable checks
        options ??= new ImageFolderOptions();
        var input = new ImageInput(size.Height, size.Width, options.Resize, options.ColorMode, options.AppliesOrientation);
        return Open(path, batchSize, preprocessing.For(input), options);
    }

    /// <summary>Opens a folder whose images are read as <see cref="Preprocessing.Input"/> says: that of a trained model.</summary>
    /// <remarks>Size, filter, channels and orientation of the options are not looked at.</remarks>
    /// <inheritdoc cref="Open(string, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions)"/>
    public static ImageFolder Open(string path, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
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
        (List<Sample> samples, string[] bad) = Decode(path, files, new ImageReader(preprocessing), options);
        return new ImageFolder(options, preprocessing, batchSize, classes, samples, bad);
    }

    /// <summary>Opens a folder for a model: in its size, and with its preprocessing, so that both are the same wherever it is used.</summary>
    /// <exception cref="GraftException">The model has no preprocessing (the message names the choices) or takes no RGB images; and what
    /// the other overload throws.</exception>
    public static ImageFolder Open(string path, Model model, int batchSize, ImageFolderOptions? options = null)
    {
        Shape input = model.Inputs[0].Shape;
        if (model.Inputs.Count != 1 || input.Rank != 3 || input[2] is not (1 or 3))
            throw new GraftException($"Model '{model.Name}' takes {string.Join(" and ", model.Inputs.Select(i => i.Shape))}; a folder of images gives one [H,W,3] or [H,W,1].");
        Preprocessing preprocessing = model.RequirePreprocessing();
        return preprocessing.Input is { } taught && taught.Shape.Equals(input) ? Open(path, batchSize, preprocessing, options) // read as those of the training were
            : Open(path, (input[0], input[1]), batchSize, preprocessing, options);
    }

    /// <summary>The image files in a folder and in those below it: each folder's by name, before those of the folders inside.</summary>
    /// <exception cref="GraftException">The folder is missing or has none.</exception>
    public static IReadOnlyList<string> ImagesIn(string folder)
    {
        if (!Directory.Exists(folder))
            throw new GraftException($"{folder}: no such folder.");
        string[] files = [.. FilesOf(folder)];
        return files.Length > 0 ? files : throw new GraftException($"{folder}: no images; {string.Join(", ", Endings)} files are taken.");
    }

    /// <summary>Names of the class folders, sorted by code point; hidden folders are none.</summary>
    /// <exception cref="GraftException">The folder is missing or has fewer than two class folders.</exception>
    public static IReadOnlyList<string> ClassesOf(string path) => FindClasses(path, new ImageFolderOptions());

    /// <summary>The folders to train on and to validate on: DIR/train and DIR/validation (or val, valid) where there are, else DIR alone.</summary>
    /// <exception cref="GraftException">The folders inside are train, test and the like, but not the two: they are no classes.</exception>
    public static (string Train, string? Validation) FindSplit(string path)
    {
        string train = Path.Combine(path, "train");
        string? validation = Array.ConvertAll(ValidationNames, n => Path.Combine(path, n)).FirstOrDefault(Directory.Exists);
        if (Directory.Exists(train) && validation is not null)
            return (train, validation);
        string[] inside = Directory.Exists(path) ? [.. Directory.GetDirectories(path).Select(d => Path.GetFileName(d)).Where(d => !d.StartsWith('.'))] : [];
        if (inside.Length > 0 && inside.All(d => SplitNames.Contains(d.ToLowerInvariant())))
            throw new GraftException($"{path}: holds {string.Join(", ", inside.Order(StringComparer.Ordinal))}, which are parts of a data set and no classes. Name the part to train on ({Path.Combine(path, inside.Contains("train") ? "train" : inside[0])}), or have train/ and validation/ (or val/) there.");
        return (path, null);
    }

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: true, cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: false, cancellationToken);

    /// <inheritdoc/>
    public override void Return(Batch batch) => _inputs.Return(batch);

    private IEnumerable<Batch> Batches(int epoch, int firstBatch, bool withInputs, CancellationToken cancellationToken)
    {
        int[] order = Order(_options.ShuffleSeed, epoch);
        // Batches are begun ahead of the consumer and handed over in order: who prepares a sample does not matter. Workers take sample by sample, so that
        // all of them are at work on the first batch and on the last.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workers = new TaskFactory(stop.Token, TaskCreationOptions.None, TaskContinuationOptions.None,
            new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, _options.Workers).ConcurrentScheduler);
        int mostAhead = 2 + _options.Workers / BatchSize;
        var ahead = new Queue<Task<Batch>>();
        int next = firstBatch, done = firstBatch * BatchSize;
        try
        {
            while (true)
            {
                while (ahead.Count < mostAhead && next < BatchesPerEpoch)
                {
                    int[] indices = order[(next * BatchSize)..Math.Min(Count, (next + 1) * BatchSize)];
                    ahead.Enqueue(Prepare(indices, epoch, withInputs, workers));
                    next++;
                }
                if (!ahead.TryPeek(out Task<Batch>? task))
                    yield break;
                Task.WaitAny([task], cancellationToken); // unlike Wait, it leaves an error as it was thrown
                Batch batch = ahead.Dequeue().GetAwaiter().GetResult();
                done += batch.Size;
                BatchProgress?.Report((done, Count));
                yield return batch;
            }
        }
        finally
        {
            stop.Cancel(); // a consumer that stops early leaves batches behind
            Task.WaitAll([.. ahead.Select(t => t.ContinueWith(_ => { }, TaskScheduler.Default))], CancellationToken.None);
        }
    }

    private string FindFingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Preprocessing p = Preprocessing;
        string augmentation = _options.Augmentation is { } drawn ? $"{drawn} {_options.ShuffleSeed}" : "";
        hash.AppendData(Encoding.UTF8.GetBytes($"{p.ReverseChannels} {p.Scale:R} {string.Join(' ', p.Mean)} {string.Join(' ', p.Std)} {p.Input} {augmentation}"));
        hash.AppendData(MemoryMarshal.AsBytes(p.MeanImage is null ? [] : p.MeanImage.Values));
        foreach (Sample sample in _samples)
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(sample.Path)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private async Task<Batch> Prepare(int[] indices, int epoch, bool withInputs, TaskFactory workers)
    {
        int pixels = (int)SampleShape.Count, width = (int)LabelShape.Count;
        float[] inputs = withInputs ? _inputs.Rent(indices.Length * pixels) : [];
        var labels = new float[indices.Length * width];
        for (int i = 0; i < indices.Length; i++)
        {
            int label = _samples[indices[i]].Class;
            if (LabelKind == LabelKind.Categorical)
                labels[i * width + label] = 1;
            else
                labels[i] = label;
        }
        if (withInputs)
            await Task.WhenAll(indices.Select((index, i) => workers.StartNew(() => Prepare(index, epoch, inputs.AsSpan(i * pixels, pixels))))).ConfigureAwait(false);
        return new Batch(inputs, SampleShape.Prepend(indices.Length), labels, LabelShape.Prepend(indices.Length)) { Indices = indices };
    }

    private void Prepare(int index, int epoch, Span<float> input)
    {
        Sample sample = _samples[index];
        if (_options.Augmentation is { } augmentation)
            _reader.Prepare(Augment(augmentation, sample.Pixels ?? _reader.Pixels(sample.Path), epoch, index), input);
        else if (sample.Pixels is { } kept)
            _reader.Prepare(kept, input);
        else
            _reader.Read(sample.Path, input);
    }

    private float[] Augment(Augmentation augmentation, byte[] image, int epoch, int index)
    {
        var random = new Random((int)(RandomSeed.Of(_options.ShuffleSeed ?? 0, epoch + 1, index) >> 33));
        (int height, int columns, int channels) = (SampleShape[0], SampleShape[1], SampleShape[2]);
        return augmentation.Draw(random, height, columns).Apply(Array.ConvertAll(image, b => (float)b), height, columns, channels);
    }

    private static (List<Sample> Samples, string[] Bad) Decode(string path, List<(string Path, int Class)> files, ImageReader reader, ImageFolderOptions options)
    {
        long kept = options.MemoryBudget / reader.Shape.Count; // the first images, whatever the order of decoding
        var samples = new Sample?[files.Count];
        var bad = new ConcurrentDictionary<int, string>();
        var counting = new Lock();
        int done = 0;
        Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = options.Workers, CancellationToken = options.CancellationToken }, i =>
        {
            try
            {
                byte[] pixels = reader.Pixels(files[i].Path);
                samples[i] = new Sample(files[i].Path, files[i].Class, i < kept ? pixels : null);
            }
            catch (GraftException e)
            {
                bad[i] = e.Message; // collected: all of them are reported at once
            }
            lock (counting)
                options.Progress?.Report((++done, files.Count));
        });
        string[] reasons = [.. bad.OrderBy(b => b.Key).Select(b => b.Value)];
        if (reasons.Length > 0 && options.BadImages == BadImages.Throw)
            throw new BadImagesException(path, reasons, files.Count);
        if (options.BadImages == BadImages.Substitute)
            Substitute(samples, bad.Keys, files);
        List<Sample> good = [.. samples.OfType<Sample>()];
        return good.Count > 0 ? (good, reasons) : throw new GraftException($"{path}: none of its {files.Count} images can be read:\n  {string.Join("\n  ", reasons)}");
    }

    /// <summary>In place of each bad image the next good one of its class, from the first on behind the last; where a class has none, nothing.</summary>
    private static void Substitute(Sample?[] samples, IEnumerable<int> bad, List<(string Path, int Class)> files)
    {
        ILookup<int, int> good = Enumerable.Range(0, files.Count).Where(i => samples[i] is not null).ToLookup(i => files[i].Class);
        foreach ((int at, int other) in bad.Where(i => good.Contains(files[i].Class)).Select(i => (i, good[files[i].Class].Append(-1).First(g => g > i || g < 0))).ToList())
            samples[at] = samples[other >= 0 ? other : good[files[at].Class].First()];
    }

    private static string[] FindClasses(string path, ImageFolderOptions options)
    {
        if (!Directory.Exists(path))
            throw new GraftException($"{path}: no such folder; name one that holds a folder of images for each class.");
        string[] classes = [.. Directory.GetDirectories(path).Select(d => Path.GetFileName(d))
            .Where(d => !d.StartsWith('.')).Order(StringComparer.Ordinal)]; // .ipynb_checkpoints is no class
        if (options.ClassNames is { } required && !required.SequenceEqual(classes))
            throw new GraftException($"{path}: its class folders are {(classes.Length == 0 ? "none" : string.Join(", ", classes))}, but the model was taught {string.Join(", ", required)}; the folders must be the same.");
        if (classes.Length < 2)
            throw new GraftException($"{path}: {(classes.Length == 0 ? "no class folders" : $"one class folder only, '{classes[0]}'")}; training needs a folder of images for each of two or more classes.");
        if (options.LabelKind == LabelKind.Binary && classes.Length != 2)
            throw new GraftException($"{path}: {classes.Length} class folders ({string.Join(", ", classes)}), but binary labels take 2; use categorical labels.");
        return classes;
    }

    private static void CheckOptions(string path, ImageFolderOptions options)
    {
        if (options.Workers < 1)
            throw new GraftException($"{path}: {options.Workers} workers; take 1 or more.");
        if (!(options.ValidationSplit >= 0 && options.ValidationSplit < 1))
            throw new GraftException($"{path}: a validation split of {options.ValidationSplit}; take a share of 0 to below 1, such as 0.2.");
        if (options.MemoryBudget < 0)
            throw new GraftException($"{path}: a memory budget of {options.MemoryBudget} bytes; take 0 or more.");
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

    /// <param name="Path">Full path.</param>
    /// <param name="Class">Index of its class.</param>
    /// <param name="Pixels">Resized pixels; null beyond the memory budget.</param>
    private sealed record Sample(string Path, int Class, byte[]? Pixels);
}

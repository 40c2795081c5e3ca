using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Photographs in one folder a class, as Keras's flow_from_directory reads them.</summary>
/// <remarks>
/// Classes and files are sorted by code point; the files of a folder come before those of its sub-folders, and links to
/// folders inside a class are not followed. PNG, JPEG, BMP, PPM and TIFF files are taken, as by Keras, and GIF, WebP and PGM, told by their names' endings.
/// </remarks>
public sealed class ImageFolder : ImageBatches
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".gif", ".webp"];

    private static readonly string[] ValidationNames = ["validation", "val", "valid"], SplitNames = ["train", "training", "test", "testing", .. ValidationNames];

    private ImageFolder(ImageFolderOptions options, Preprocessing preprocessing, int batchSize, IReadOnlyList<string> classes, IReadOnlyList<Sample> samples, IReadOnlyList<string> badFiles)
        : base(options, preprocessing, batchSize, samples, badFiles) => ClassNames = classes;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <summary>Opens a folder and decodes all its files.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="size">Rows and columns that images are resized to.</param>
    /// <param name="batchSize">Samples a batch.</param>
    /// <param name="preprocessing">From pixels to the network's input.</param>
    /// <param name="options">All else.</param>
    /// <exception cref="GraftException">The folder is missing, has fewer than two classes or no images, has classes beside the
    /// named ones, or files cannot be decoded: all of them are listed.</exception>
    /// <exception cref="OperationCanceledException"><see cref="ImageFolderOptions.CancellationToken"/> was cancelled.</exception>
    public static ImageFolder Open(string path, (int Height, int Width) size, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1);
        PreprocessingChoice.Require(preprocessing, $"{path}: the folder"); // for callers without nullable checks
        options ??= new ImageFolderOptions();
        var input = new ImageInput(size.Height, size.Width, options.Resize, options.ColorMode, options.AppliesOrientation, options.Draft);
        return Open(path, batchSize, preprocessing.For(input), options);
    }

    /// <summary>Opens a folder whose images are read as <see cref="Preprocessing.Input"/> says: that of a trained model.</summary>
    /// <remarks>Size, filter, channels, orientation and draft of the options are not looked at.</remarks>
    /// <inheritdoc cref="Open(string, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions)"/>
    public static ImageFolder Open(string path, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        options ??= new ImageFolderOptions();
        CheckOptions(path, options);
        if (options.LabelKind == LabelKind.Values)
            throw new GraftException($"{path}: folders give classes, not values; take binary, categorical or sparse labels, or an ImageTable.");
        string[] classes = FindClasses(path, options);
        var files = new List<Sample>();
        for (int c = 0; c < classes.Length; c++)
        {
            int number = c;
            string folder = Path.Combine(path, classes[c]);
            string[] found = Directory.Exists(folder) ? [.. FilesOf(folder)] : [];
            if (found.Length == 0 && options.ClassNames is null)
                throw new GraftException($"{folder}: no images; a class folder holds {string.Join(", ", Endings)} files.");
            float[] label = LabelOf(c, classes.Length, options.LabelKind);
            int validation = (int)(options.ValidationSplit * found.Length);
            files.AddRange((options.Subset switch { Subset.All => found, Subset.Validation => found[..validation], _ => found[validation..] }).Select(f => new Sample(f, label, number)));
        }
        if (files.Count == 0)
            throw new GraftException($"{path}: no images for {options.Subset.ToString().ToLowerInvariant()}; {(options.ClassNames is null ? "its class folders" : $"folders named {string.Join(", ", classes)}")} hold no {string.Join(", ", Endings)} files{(options.Subset == Subset.All ? "" : " (with this split)")}.");
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

    /// <summary>The files that <see cref="ImagesIn"/> leaves out because their names do not end as those of images; hidden ones are not told.</summary>
    public static IReadOnlyList<string> OthersIn(string folder) => [.. FilesOf(folder, file => !IsImage(file) && !Path.GetFileName(file).StartsWith('.'))];

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

    /// <summary>A class as labels of a kind have it.</summary>
    internal static float[] LabelOf(int number, int classes, LabelKind kind)
    {
        if (kind != LabelKind.Categorical)
            return [number];
        var label = new float[classes];
        label[number] = 1;
        return label;
    }

    private static string[] FindClasses(string path, ImageFolderOptions options)
    {
        if (!Directory.Exists(path))
            throw new GraftException($"{path}: no such folder; name one that holds a folder of images for each class.");
        string[] folders = [.. Directory.GetDirectories(path).Select(d => Path.GetFileName(d))
            .Where(d => !d.StartsWith('.')).Order(StringComparer.Ordinal)]; // .ipynb_checkpoints is no class
        string[] classes = options.ClassNames is { } due ? [.. due] : folders;
        if (folders.Except(classes).ToArray() is { Length: > 0 } unknown)
            throw new GraftException($"{path}: has {string.Join(", ", unknown.Select(u => $"'{u}'"))}, but the classes are {string.Join(", ", classes)}. Name each folder as its class; classes may be missing, others may not be there.");
        if (classes.Length < 2)
            throw new GraftException($"{path}: {(classes.Length == 0 ? "no class folders" : $"one class folder only, '{classes[0]}'")}; training needs a folder of images for each of two or more classes.");
        if (options.LabelKind == LabelKind.Binary && classes.Length != 2)
            throw new GraftException($"{path}: {classes.Length} class folders ({string.Join(", ", classes)}), but binary labels take 2; use categorical labels.");
        return classes;
    }

    internal static void CheckOptions(string path, ImageFolderOptions options)
    {
        if (options.Workers < 1)
            throw new GraftException($"{path}: {options.Workers} workers; take 1 or more.");
        if (!(options.ValidationSplit >= 0 && options.ValidationSplit < 1))
            throw new GraftException($"{path}: a validation split of {options.ValidationSplit}; take a share of 0 to below 1, such as 0.2.");
        if (options.MemoryBudget < 0)
            throw new GraftException($"{path}: a memory budget of {options.MemoryBudget} bytes; take 0 or more.");
    }

    /// <summary>True where a file's name ends as those of images do.</summary>
    internal static bool IsImage(string file) => Endings.Contains(Path.GetExtension(file).ToLowerInvariant());

    private static IEnumerable<string> FilesOf(string folder, Func<string, bool>? which = null)
    {
        var noLinks = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        string[] folders = [folder, .. Directory.EnumerateDirectories(folder, "*", noLinks)];
        return folders.Order(StringComparer.Ordinal).SelectMany(f => Directory.EnumerateFiles(f)
            .Where(which ?? IsImage)
            .Order(StringComparer.Ordinal));
    }

    private protected override ImageBatches With(ImageFolderOptions options, IReadOnlyList<Sample> samples) => new ImageFolder(options, Preprocessing, BatchSize, ClassNames, samples, []);
}

using System.Globalization;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>
/// Photographs whose labels stand in a table: classes, several labels of yes or no for each (multi-label), or numbers (regression). Keras's flow_from_dataframe.
/// </summary>
/// <remarks>
/// The file has a line of column names and a row for each photograph: its path, relative to the table's folder, and its labels. <see cref="ImageFolderOptions.LabelKind"/> says what these are:
/// <list type="bullet">
/// <item>Categorical or Sparse: one column with the name of the class.</item>
/// <item>Binary: one column with the names of two classes, or several columns of 0 and 1, one for each label.</item>
/// <item>Values: one or more columns of numbers.</item>
/// </list>
/// A share that is held back (<see cref="ImageFolderOptions.ValidationSplit"/>) is the first rows of each class, or the first of all where labels are no classes. Photographs are decoded as those of an
/// <see cref="ImageFolder"/>.
/// </remarks>
public sealed class ImageTable : ImageBatches
{
    private const int Listed = 10;

    private ImageTable(ImageFolderOptions options, Preprocessing preprocessing, int batchSize, IReadOnlyList<string> classes, IReadOnlyList<Sample> samples, IReadOnlyList<string> badFiles)
        : base(options, preprocessing, batchSize, samples, badFiles) => ClassNames = classes;

    /// <summary>Names of the classes, or of the columns of labels or numbers.</summary>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <summary>Opens a table and decodes all its photographs.</summary>
    /// <param name="path">The table: .csv, or .tsv.</param>
    /// <param name="size">Rows and columns that images are resized to.</param>
    /// <param name="batchSize">Samples a batch.</param>
    /// <param name="preprocessing">From pixels to the network's input.</param>
    /// <param name="options">What labels are, and all else. With the ClassNames of the training's table, that to validate with need not have all classes.</param>
    /// <param name="imageColumn">The column of paths; null for the first.</param>
    /// <param name="labelColumns">The columns of labels; null for all others.</param>
    /// <exception cref="GraftException">The table cannot be read, a photograph is missing, a label is not of that kind, or files cannot be decoded: all of them are listed.</exception>
    /// <exception cref="OperationCanceledException"><see cref="ImageFolderOptions.CancellationToken"/> was cancelled.</exception>
    public static ImageTable Open(string path, (int Height, int Width) size, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null,
        string? imageColumn = null, IReadOnlyList<string>? labelColumns = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1);
        PreprocessingChoice.Require(preprocessing, $"{path}: the table"); // for callers without nullable checks
        options ??= new ImageFolderOptions();
        var input = new ImageInput(size.Height, size.Width, options.Resize, options.ColorMode, options.AppliesOrientation, options.Draft);
        return Open(path, batchSize, preprocessing.For(input), options, imageColumn, labelColumns);
    }

    /// <summary>Opens a table whose photographs are read as <see cref="Preprocessing.Input"/> says: that of a trained model.</summary>
    /// <remarks>Size, filter, channels, orientation and draft of the options are not looked at.</remarks>
    /// <inheritdoc cref="Open(string, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions, string, IReadOnlyList{string})"/>
    public static ImageTable Open(string path, int batchSize, Preprocessing preprocessing, ImageFolderOptions? options = null, string? imageColumn = null, IReadOnlyList<string>? labelColumns = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        options ??= new ImageFolderOptions();
        ImageFolder.CheckOptions(path, options);
        CsvTable table = OpenTable(path);
        (int image, int[] labels) = Find(path, table, imageColumn, labelColumns);
        bool areClasses = options.LabelKind is LabelKind.Categorical or LabelKind.Sparse || (options.LabelKind == LabelKind.Binary && labels.Length == 1);
        if (labels.Length == 0 || (areClasses && labels.Length > 1))
            throw WrongColumns(path, table, labels, options.LabelKind);
        if (!areClasses && options.BadImages == BadImages.Substitute)
            throw new GraftException($"{path}: a photograph is substituted by one of its class, but these labels are no classes; skip bad images.");
        string[] names = areClasses ? FindClasses(path, table, labels[0], options) : [.. labels.Select(l => table.Columns[l])];
        if (!areClasses && options.ClassNames is { } due && !due.SequenceEqual(names))
            throw new GraftException($"{path}: its {(options.LabelKind == LabelKind.Values ? "numbers" : "labels")} are {CsvTable.Quoted(names)}, but {CsvTable.Quoted(due)} are due.");
        List<Sample> files = Read(path, table, image, labels, names, areClasses, options.LabelKind);
        files = Part(files, options);
        if (files.Count == 0)
            throw new GraftException($"{path}: no rows for {options.Subset.ToString().ToLowerInvariant()} (with this split).");
        (List<Sample> samples, string[] bad) = Decode(path, files, new ImageReader(preprocessing), options);
        return new ImageTable(options, preprocessing, batchSize, names, samples, bad);
    }

    /// <summary>Names of the classes in a table whose labels are such, sorted by code point; its photographs are not looked at.</summary>
    /// <inheritdoc cref="Open(string, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions, string, IReadOnlyList{string})"/>
    public static IReadOnlyList<string> ClassesOf(string path, string? imageColumn = null, IReadOnlyList<string>? labelColumns = null)
    {
        CsvTable table = OpenTable(path);
        (_, int[] labels) = Find(path, table, imageColumn, labelColumns);
        return labels.Length == 1 ? FindClasses(path, table, labels[0], new ImageFolderOptions()) : throw WrongColumns(path, table, labels, LabelKind.Categorical);
    }

    /// <summary>The columns of labels in a table: those that are named, which must be there, or all but that of the photographs.</summary>
    /// <inheritdoc cref="Open(string, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions, string, IReadOnlyList{string})"/>
    public static IReadOnlyList<string> LabelColumnsOf(string path, string? imageColumn = null, IReadOnlyList<string>? labelColumns = null)
    {
        CsvTable table = OpenTable(path);
        return [.. Find(path, table, imageColumn, labelColumns).Labels.Select(l => table.Columns[l])];
    }

    private protected override ImageBatches With(ImageFolderOptions options, IReadOnlyList<Sample> samples) => new ImageTable(options, Preprocessing, BatchSize, ClassNames, samples, []);

    /// <summary>Opens a table, and refuses one whose first line is a row already: its photograph would be lost.</summary>
    private static CsvTable OpenTable(string path)
    {
        CsvTable table = CsvTable.Open(path);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return table.Columns.FirstOrDefault(c => ImageFolder.IsImage(c) && File.Exists(Path.GetFullPath(c, folder))) is not { } photograph ? table
            : throw new GraftException($"{path}: its first line has '{photograph}', which is a photograph and no column's name; put a line of column names before it, such as photograph,label.");
    }

    private static (int Image, int[] Labels) Find(string path, CsvTable table, string? imageColumn, IReadOnlyList<string>? labelColumns)
    {
        int image = imageColumn is null ? 0 : table.IndexOf(imageColumn, path);
        return (image, labelColumns is null ? [.. Enumerable.Range(0, table.Columns.Count).Where(c => c != image)] : [.. labelColumns.Select(c => table.IndexOf(c, path))]);
    }

    private static GraftException WrongColumns(string path, CsvTable table, int[] labels, LabelKind kind) =>
        new($"{path}: {labels.Length} columns of labels ({CsvTable.Quoted(labels.Select(l => table.Columns[l]))}), but {kind} labels take {(labels.Length == 0 ? "one or more" : "one, the class")}. Name them by labelColumns, or take LabelKind.Binary for several labels of 0 and 1, LabelKind.Values for numbers.");

    private static string[] FindClasses(string path, CsvTable table, int column, ImageFolderOptions options)
    {
        string[] found = [.. table.Rows.Select(r => r.Fields[column].Trim()).Distinct().Order(StringComparer.Ordinal)];
        string[] classes = options.ClassNames is { } due ? [.. due] : found;
        if (found.Except(classes).ToArray() is { Length: > 0 } unknown)
            throw new GraftException($"{path}: column '{table.Columns[column]}' has {string.Join(", ", unknown.Select(c => $"'{c}'"))}, but the classes are {string.Join(", ", classes)}.");
        if (classes.Length < 2 || (options.LabelKind == LabelKind.Binary && classes.Length != 2))
            throw new GraftException($"{path}: column '{table.Columns[column]}' has {classes.Length} different entries ({string.Join(", ", classes.Take(Listed))}{(classes.Length > Listed ? ", ..." : "")}), but {options.LabelKind} labels take {(options.LabelKind == LabelKind.Binary ? "2; for more classes take LabelKind.Categorical" : "2 or more classes")}.");
        return classes;
    }

    /// <summary>Every row as a sample; all that is wrong with them is told at once.</summary>
    private static List<Sample> Read(string path, CsvTable table, int image, int[] labels, string[] names, bool areClasses, LabelKind kind)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        float[][] byClass = areClasses ? [.. names.Select((_, c) => ImageFolder.LabelOf(c, names.Length, kind))] : [];
        var samples = new List<Sample>(table.Rows.Count);
        var faults = new List<string>();
        foreach ((int line, string[] fields) in table.Rows)
        {
            string file = Path.GetFullPath(fields[image].Trim(), folder);
            int number = areClasses ? Array.IndexOf(names, fields[labels[0]].Trim()) : -1;
            float[] label = areClasses ? byClass[number] : Array.ConvertAll(labels, l => Number(fields[l], kind));
            if (!File.Exists(file))
                faults.Add($"line {line}: {file}: no such file.");
            else if (Array.FindIndex(label, float.IsNaN) is >= 0 and var wrong)
                faults.Add($"line {line}: '{fields[labels[wrong]]}' in column '{table.Columns[labels[wrong]]}' is {(kind == LabelKind.Binary ? "neither 0 nor 1" : "no number")}.");
            samples.Add(new Sample(file, label, number));
        }
        if (faults.Count > 0)
            throw new GraftException($"{path}: {faults.Count} of {table.Rows.Count} rows cannot be used; mend or remove them:\n  {string.Join("\n  ", faults.Take(Listed))}{(faults.Count > Listed ? $"\n  and {faults.Count - Listed} more." : "")}");
        return samples;
    }

    // NaN for what is no label of the kind.
    private static float Number(string field, LabelKind kind) => field.Trim().ToUpperInvariant() switch
    {
        "TRUE" when kind == LabelKind.Binary => 1,
        "FALSE" when kind == LabelKind.Binary => 0,
        var text when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number) && (kind == LabelKind.Values || number is 0 or 1) => number,
        _ => float.NaN,
    };
}

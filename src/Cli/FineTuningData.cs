using System.Security.Cryptography;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Cli;

/// <summary>The photographs of a fine-tuning and what is known of them: folders of classes, or a table of files with classes, several labels or numbers.</summary>
internal sealed class FineTuningData
{
    private readonly FineTuningSettings _s;
    private readonly string _training;
    private readonly string? _validation;
    private readonly IReadOnlyList<string>? _columns;

    /// <summary>Finds out what there is, before any photograph is read.</summary>
    /// <exception cref="UsageException">Options of tables are given for folders, or the other way round.</exception>
    /// <exception cref="GraftException">Folder or table are missing or cannot be used.</exception>
    public FineTuningData(FineTuningSettings s)
    {
        _s = s;
        if (!IsTable(s.Data))
        {
            if (s.Labels != OutputKind.Classes || s.ImageColumn is not null || s.LabelColumns is not null)
                throw new UsageException($"--labels, --image-column and --label-columns are for a table of photographs (.csv or .tsv); {s.Data} is none, and the folders inside a folder are the classes.");
            (_training, _validation) = ImageFolder.FindSplit(s.Data);
            _validation = s.Validation ?? _validation;
            Names = ImageFolder.ClassesOf(_training);
            return;
        }
        (_training, _validation) = (s.Data, s.Validation);
        _columns = ImageTable.LabelColumnsOf(s.Data, s.ImageColumn, s.LabelColumns);
        CheckColumns();
        Names = s.Labels == OutputKind.Classes ? ImageTable.ClassesOf(s.Data, s.ImageColumn, s.LabelColumns) : _columns;
    }

    /// <summary>Names of the classes, labels or numbers.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Once opened: what was left out before a share was held back, a line for each file.</summary>
    public IReadOnlyList<string> BadFiles { get; private set; } = [];

    /// <summary>How labels are laid out.</summary>
    public LabelKind LabelKind => _s.Labels switch
    {
        OutputKind.Values => LabelKind.Values,
        OutputKind.Labels => LabelKind.Binary,
        _ => Names.Count == 2 ? LabelKind.Binary : LabelKind.Categorical,
    };

    /// <summary>True for a table, as opposed to a folder.</summary>
    public static bool IsTable(string path) => File.Exists(path) || (!Directory.Exists(path) && Path.GetExtension(path).ToUpperInvariant() is ".CSV" or ".TSV");

    /// <summary>Of a table and the one to validate on, what tells other contents apart; null for folders.</summary>
    public static string? DigestOf(FineTuningSettings s) => !IsTable(s.Data) ? null
        : string.Join(' ', new[] { s.Data, s.Validation }.OfType<string>().Select(f => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))));

    /// <summary>Reads all photographs.</summary>
    /// <exception cref="GraftException">Photographs are missing or damaged, or labels are not what they should be: all of them are listed.</exception>
    public (ImageBatches Training, ImageBatches Validation) Open(Preprocessing preprocessing, LiveBar bar, CancellationToken interrupt)
    {
        var options = new ImageFolderOptions
        {
            LabelKind = LabelKind, Resize = _s.Resize, AppliesOrientation = _s.Exif, Draft = _s.Draft, BadImages = _s.BadImages, ShuffleSeed = _s.Seed, Augmentation = Drawn, MemoryBudget = _s.ImageMemory,
            Progress = bar.Images("Reading training images"), CancellationToken = interrupt,
        };
        if (_columns is not null && _validation is null)
            return HoldBack(OpenOne(_training, preprocessing, options with { Progress = bar.Images("Reading images") }));
        List<BadImagesException> bad = []; // of both, so that all damaged files are told at once
        ImageBatches? Try(string path, ImageFolderOptions o)
        {
            try
            {
                return OpenOne(path, preprocessing, o);
            }
            catch (BadImagesException e)
            {
                bad.Add(e);
                return null;
            }
        }
        double share = _validation is null ? _s.Split : 0;
        ImageBatches? training = Try(_training, options with { ValidationSplit = share, Subset = _validation is null ? Subset.Training : Subset.All });
        ImageBatches? check = Try(_validation ?? _training, options with
        {
            Augmentation = null, ShuffleSeed = null, ClassNames = Names, ValidationSplit = share, Subset = _validation is null ? Subset.Validation : Subset.All,
            MemoryBudget = _s.ImageMemory - (training?.KeptBytes ?? 0), Progress = bar.Images("Reading validation images"),
        });
        return bad.Count == 0 ? (training!, check!) : throw Damaged(bad);
    }

    private Augmentation? Drawn => _s.Augment ? Augmentation.Standard : null;

    private ImageBatches OpenOne(string path, Preprocessing preprocessing, ImageFolderOptions options) => _columns is null
        ? ImageFolder.Open(path, (_s.Size, _s.Size), _s.Batch, preprocessing, options)
        : ImageTable.Open(path, (_s.Size, _s.Size), _s.Batch, preprocessing, options, _s.ImageColumn, _columns);

    /// <summary>A share of the rows, of each class where there are classes, drawn by the seed: tables are often sorted.</summary>
    private (ImageBatches Training, ImageBatches Validation) HoldBack(ImageBatches all)
    {
        BadFiles = all.BadFiles;
        bool hasClasses = all.Classes.Count > 0;
        if (hasClasses && all.Classes.CountBy(c => c).FirstOrDefault(c => c.Value == 1) is { Value: 1 } lone)
            throw new GraftException($"{_s.Data}: class '{Names[lone.Key]}' has one photograph alone; one to learn from and one to validate on are due. Add some, leave the class out, or name another table by --validation.");
        if (all.Count < 2)
            throw new GraftException($"{_s.Data}: has one photograph alone; one to learn from and one to validate on are due. Add some, or name another table by --validation.");
        bool[] held = StratifiedSplit.HoldBack(hasClasses ? all.Classes : new int[all.Count], _s.Split, _s.Seed);
        int[] Part(bool isHeld) => [.. Enumerable.Range(0, all.Count).Where(i => held[i] == isHeld)];
        return (all.Take(Part(isHeld: false), _s.Seed, Drawn), all.Take(Part(isHeld: true)));
    }

    private void CheckColumns()
    {
        string found = $"{_s.Data}: {_columns!.Count} column(s) of labels{(_columns.Count == 0 ? "" : $" ({string.Join(", ", _columns)})")}";
        if (_columns.Count == 0)
            throw new GraftException($"{found}; beside the column of photographs there must be one of labels. Name them by --image-column and --label-columns.");
        if (_s.Labels == OutputKind.Classes && _columns.Count > 1)
            throw new GraftException($"{found}, but a class takes one. Name it by --label-columns; or take --labels several for labels of 0 and 1, --labels numbers for numbers.");
        if (_s.Labels == OutputKind.Labels && _columns.Count == 1)
            throw new GraftException($"{found}, but --labels several takes two or more, each of 0 and 1. For one label of two kinds leave --labels out: its entries are two classes.");
    }

    private static GraftException Damaged(List<BadImagesException> bad) => new($"{string.Join(" and ", bad.Select(b => b.Folder).Distinct())}: {bad.Sum(b => b.Reasons.Count)} of {bad.Sum(b => b.Files)} images cannot be read; "
        + $"mend or remove them, or go on without them by --on-bad-image skip:\n  {string.Join("\n  ", bad.SelectMany(b => b.Reasons))}");
}

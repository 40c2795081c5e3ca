using System.Security.Cryptography;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Cli;

/// <summary>The photographs of a fine-tuning and what is known of them: folders of classes, a table of files with classes, several labels or numbers, or a folder with masks.</summary>
internal sealed class FineTuningData
{
    private readonly FineTuningSettings _s;
    private readonly string _training;
    private readonly string? _validation;
    private readonly IReadOnlyList<string>? _columns;
    private readonly string? _trainingMasks;
    private readonly string? _validationMasks;

    /// <summary>Finds out what there is, before any photograph is read.</summary>
    /// <exception cref="UsageException">Options of tables are given for folders, or the other way round.</exception>
    /// <exception cref="GraftException">Folder or table are missing or cannot be used.</exception>
    public FineTuningData(FineTuningSettings s)
    {
        _s = s;
        if (s.Masks is { } masks)
        {
            (_training, _validation) = ImageFolder.FindSplit(s.Data);
            _trainingMasks = _validation is null ? masks.Folder : Path.Combine(masks.Folder, Path.GetFileName(_training));
            _validationMasks = s.Validation is null && _validation is not null ? Path.Combine(masks.Folder, Path.GetFileName(_validation)) : masks.Validation;
            _validation = s.Validation ?? _validation;
            foreach ((string? photographs, string? folder) in new[] { (_training, _trainingMasks), (_validation, _validationMasks) })
            {
                if (folder is not null && !Directory.Exists(folder))
                    throw new GraftException($"{folder}: no such folder; the masks of {photographs} are due there, since --masks is laid out as --data.");
            }
            Names = masks.NamesOf(_trainingMasks);
            return;
        }
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

    /// <summary>The folders that photographs are read from, each with those inside it; none of a table.</summary>
    public IEnumerable<string> Folders => new[] { _training, _validation }.OfType<string>().Distinct().SelectMany(f => _s.Masks is null ? OtherFiles.ClassFolders(f) : [f]);

    /// <summary>How labels are laid out.</summary>
    public LabelKind LabelKind => _s.Masks is not null ? LabelKind.Sparse : _s.Labels switch
    {
        OutputKind.Values => LabelKind.Values,
        OutputKind.Labels => LabelKind.Binary,
        _ => Names.Count == 2 ? LabelKind.Binary : LabelKind.Categorical,
    };

    /// <summary>True for a table, as opposed to a folder.</summary>
    public static bool IsTable(string path) => File.Exists(path) || (!Directory.Exists(path) && Path.GetExtension(path).ToUpperInvariant() is ".CSV" or ".TSV");

    /// <summary>True where a share of the photographs in folders is held back, as opposed to a table's rows or a validation folder.</summary>
    public static bool HoldsBackOfFolders(FineTuningSettings s) => !IsTable(s.Data) && s.Validation is null && ImageFolder.FindSplit(s.Data).Validation is null;

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
        List<BadImagesException> bad = []; // of both, so that all damaged files are told at once
        ImageBatches? Try(string path, string? masks, ImageFolderOptions o)
        {
            try
            {
                return OpenOne(path, masks, preprocessing, o);
            }
            catch (BadImagesException e)
            {
                bad.Add(e);
                return null;
            }
        }
        if (_validation is null)
            return HoldBack(Try(_training, _trainingMasks, options with { Progress = bar.Images("Reading images") }) ?? throw Damaged(bad));
        ImageBatches? training = Try(_training, _trainingMasks, options);
        ImageBatches? check = Try(_validation, _validationMasks, options with
        {
            Augmentation = null, ShuffleSeed = null, ClassNames = Names, MemoryBudget = _s.ImageMemory - (training?.KeptBytes ?? 0), Progress = bar.Images("Reading validation images"),
        });
        return bad.Count == 0 ? (training!, check!) : throw Damaged(bad);
    }

    private Augmentation? Drawn => _s.Augment ? Augmentation.Standard : null;

    private ImageBatches OpenOne(string path, string? masks, Preprocessing preprocessing, ImageFolderOptions options) => masks is not null
        ? MaskSettings.Named(() => ImageMasks.Open(path, masks, Names, (_s.Size, _s.Size), _s.Batch, preprocessing, options, _s.Masks!.OptionsFor(Names))) : _columns is null
        ? ImageFolder.Open(path, (_s.Size, _s.Size), _s.Batch, preprocessing, options)
        : ImageTable.Open(path, (_s.Size, _s.Size), _s.Batch, preprocessing, options, _s.ImageColumn, _columns);

    /// <summary>A share of the photographs, of each class where there are classes, drawn by the seed: tables are often sorted, and files named by the day or the camera.</summary>
    private (ImageBatches Training, ImageBatches Validation) HoldBack(ImageBatches all)
    {
        BadFiles = all.BadFiles;
        IReadOnlyList<string> files = all.Files;
        IReadOnlyList<int> classes = all.Classes.Count > 0 ? all.Classes : new int[all.Count];
        (string File, int Class)[] photographs = [.. files.Zip(classes).Distinct()]; // one in place of a damaged one is there twice: both are on one side
        int[] lone = [.. photographs.CountBy(p => p.Class).Where(c => c.Value == 1).Select(c => c.Key)];
        if (lone.Length > 0 && all.Classes.Count > 0 && _columns is not null)
            throw new GraftException($"{_s.Data}: class '{Names[lone[0]]}' has one photograph alone; one to learn from and one to validate on are due. Add some, leave the class out, or name another table by --validation.");
        (string File, int Class)[] drawn = [.. photographs.Where(p => !lone.Contains(p.Class))]; // a lone one of a folder is learned from; that it is not validated is said
        if (drawn.Length == 0)
            throw new GraftException($"{_s.Data}: has one photograph alone{(lone.Length > 1 ? " of each class" : "")}; one to learn from and one to validate on are due. Add some, or name others by --validation.");
        bool[] isDrawn = StratifiedSplit.HoldBack([.. drawn.Select(p => p.Class)], _s.Split, _s.Seed);
        HashSet<(string File, int Class)> held = [.. drawn.Where((_, i) => isDrawn[i])];
        int[] Part(bool isHeld) => [.. Enumerable.Range(0, all.Count).Where(i => held.Contains((files[i], classes[i])) == isHeld)];
        return (all.Take(Part(isHeld: false), _s.Seed, Drawn), all.Take(Part(isHeld: true)));
    }

    private void CheckColumns()
    {
        string found = $"{_s.Data}: {_columns!.Count} column(s) of labels{(_columns.Count == 0 ? "" : $" ({string.Join(", ", _columns.Select(c => $"'{c}'"))})")}";
        if (_columns.Count == 0)
            throw new GraftException($"{found}; beside the column of photographs there must be one of labels. Name them by --image-column and --label-columns.");
        if (_s.Labels == OutputKind.Classes && _columns.Count > 1)
            throw new GraftException($"{found}, but a class takes one. Name it by --label-columns; or take --labels several for labels of 0 and 1, --labels numbers for numbers.");
        if (_s.Labels == OutputKind.Labels && _columns.Count == 1)
            throw new GraftException($"{found}, but --labels several takes two or more, each of 0 and 1. For one label of two kinds leave --labels out: its entries are two classes.");
    }

    private static GraftException Damaged(List<BadImagesException> bad)
    {
        BadImagesException[] folders = [.. bad.DistinctBy(b => b.Folder)]; // the same may be named to train and to validate on
        return new GraftException($"{string.Join(" and ", folders.Select(b => b.Folder))}: {folders.Sum(b => b.Reasons.Count)} of {folders.Sum(b => b.Files)} images cannot be read; "
            + $"mend or remove them, or go on without them by --on-bad-image skip:\n  {string.Join("\n  ", folders.SelectMany(b => b.Reasons).Select(MaskSettings.InOptions))}");
    }
}

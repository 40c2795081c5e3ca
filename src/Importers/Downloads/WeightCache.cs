using Graft.Kernels;

namespace Graft.Importers.Downloads;

/// <summary>A weight file that is on this machine.</summary>
/// <param name="Path">Where.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Weights">The network whose published file has its name; null for any other file.</param>
/// <param name="Published">That published file.</param>
public sealed record CachedFile(string Path, long Bytes, PublishedWeights? Weights, PublishedFile? Published)
{
    /// <summary>True where a published file is here with all its bytes; only such files are used.</summary>
    public bool IsWhole => Published?.Bytes == Bytes;
}

/// <summary>The folders in which weight files are kept and looked for.</summary>
/// <remarks>
/// Pulled files go to <see cref="Folder"/>: the one that was named, else GRAFT_CACHE, else graft in XDG_CACHE_HOME, else the
/// system's own place (~/.cache/graft on Linux, LocalApplicationData elsewhere). Files that Keras or Hugging Face have downloaded
/// are used where they are: KERAS_HOME or ~/.keras, folder models; HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub.
/// </remarks>
public sealed class WeightCache
{
    private readonly IReadOnlyList<PublishedWeights> _known;

    private WeightCache(string folder, string keras, string huggingFace, IReadOnlyList<PublishedWeights> known)
    {
        Folder = folder;
        KerasFolder = keras;
        HuggingFaceFolder = huggingFace;
        _known = known;
    }

    /// <summary>Where pulled files are kept, one folder a network.</summary>
    public string Folder { get; }

    /// <summary>Where Keras keeps its downloads.</summary>
    public string KerasFolder { get; }

    /// <summary>Where Hugging Face's hub keeps its downloads.</summary>
    public string HuggingFaceFolder { get; }

    /// <summary>Finds out the folders; none has to exist.</summary>
    /// <param name="folder">Where pulled files are kept; null asks the environment.</param>
    /// <param name="environment">Variables; null is the process's own.</param>
    /// <param name="known">Networks whose files are looked for; null is <see cref="PublishedWeights.All"/>.</param>
    public static WeightCache Open(string? folder = null, Func<string, string?>? environment = null, IReadOnlyList<PublishedWeights>? known = null)
    {
        environment ??= Environment.GetEnvironmentVariable;
        string? Variable(string name) => environment(name) is { Length: > 0 } value ? value : null;
        string keras = Variable("KERAS_HOME") ?? Path.Combine(CacheFolder.Home(environment), ".keras");
        string hub = Variable("HF_HUB_CACHE") ?? Path.Combine(Variable("HF_HOME") ?? Path.Combine(CacheFolder.Shared(environment), "huggingface"), "hub");
        string own = folder ?? CacheFolder.Own(environment);
        return new WeightCache(Path.GetFullPath(own), Path.GetFullPath(Path.Combine(keras, "models")), Path.GetFullPath(hub), known ?? PublishedWeights.All);
    }

    /// <summary>Where a pulled file is kept.</summary>
    public string PathOf(PublishedWeights weights, PublishedFile file) => Path.Combine(Folder, weights.Name, file.Name);

    /// <summary>Every path at which a file is looked for, the own cache first.</summary>
    public IReadOnlyList<string> Places(PublishedWeights weights, PublishedFile file)
    {
        List<string> places = [PathOf(weights, file)];
        if (weights.Repository.Count == 0)
            places.Add(Path.Combine(KerasFolder, file.Name));
        foreach (string repository in weights.Repository)
        {
            string snapshots = Path.Combine(HuggingFaceFolder, $"models--{repository.Replace("/", "--", StringComparison.Ordinal)}", "snapshots");
            string[] revisions = Directory.Exists(snapshots) ? Directory.GetDirectories(snapshots) : [Path.Combine(snapshots, "*")];
            places.AddRange(revisions.Order(StringComparer.Ordinal).Select(r => Path.Combine(r, file.Name)));
        }
        return places;
    }

    /// <summary>The path of a file with all its bytes, or null. Digests are checked when a file is pulled, not here.</summary>
    public string? Find(PublishedWeights weights, PublishedFile file) => Places(weights, file).FirstOrDefault(p => BytesOf(p) == file.Bytes);

    /// <summary>The path of a file with all its bytes.</summary>
    /// <exception cref="WeightsMissingException">It is nowhere; the message lists the places.</exception>
    public string Require(PublishedWeights weights, PublishedFile file) => Find(weights, file) ?? throw new WeightsMissingException(weights, file, Places(weights, file));

    /// <summary>The path of a network's base weights that were pulled, or downloaded by Keras.</summary>
    /// <param name="network">"vgg16" or "resnet50".</param>
    /// <exception cref="WeightsMissingException">They are nowhere; the message lists the places, and how to get them.</exception>
    /// <exception cref="GraftException">No published weights are known under that name.</exception>
    public string Require(string network)
    {
        PublishedWeights weights = _known.FirstOrDefault(w => w.Name == network) ?? PublishedWeights.Of(network);
        return Require(weights, weights.Files[0]);
    }

    /// <summary>The weight files in the three folders, folder by folder.</summary>
    public IReadOnlyList<CachedFile> List() =>
        [.. new[] { Folder, KerasFolder, HuggingFaceFolder }.SelectMany(FilesIn).Where(p => BytesOf(p) is not null).Select(Describe)];

    /// <summary>Size of a file, or of the one that a link leads to; null where there is none.</summary>
    internal static long? BytesOf(string path)
    {
        if (!File.Exists(path))
            return null;
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return RandomAccess.GetLength(handle);
    }

    private IEnumerable<string> FilesIn(string folder)
    {
        if (!Directory.Exists(folder))
            return [];
        bool own = folder == Folder;
        IEnumerable<string> files = Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = 0 });
        return files.Where(f => own ? Path.GetExtension(f) is not ".lock" and not ".validator" : Path.GetExtension(f) is ".h5" or ".keras" or ".safetensors").Order(StringComparer.Ordinal);
    }

    private CachedFile Describe(string path)
    {
        foreach (PublishedWeights weights in _known)
        {
            foreach (PublishedFile file in weights.Files.Concat(weights.TopFiles))
            {
                if (file.Name == Path.GetFileName(path) && Places(weights, file).Contains(path))
                    return new CachedFile(path, BytesOf(path)!.Value, weights, file);
            }
        }
        return new CachedFile(path, BytesOf(path)!.Value, null, null);
    }
}

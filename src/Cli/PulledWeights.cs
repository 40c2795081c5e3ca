using Graft.Importers.Downloads;

namespace Graft.Cli;

/// <summary>Published weights that are on this machine already, for commands that were given no file.</summary>
internal static class PulledWeights
{
    /// <summary>True for networks that 'graft weights pull' can get.</summary>
    public static bool AreKnown(string name) => PublishedWeights.All.Any(w => w.Name == name);

    /// <summary>The folder of a language model: the one that is named, or for the name of a published model the one that it was downloaded to.</summary>
    /// <exception cref="GraftException">There is no such folder, and the published model was not downloaded.</exception>
    public static string FolderOf(string model)
    {
        const string Config = "config.json"; // what a folder of Hugging Face has, and a file of Keras has not
        if (Directory.Exists(model) || !AreKnown(model) || PublishedWeights.Of(model) is not { } weights || weights.Files.All(f => f.Name != Config))
            return model;
        WeightCache cache = WeightCache.Open();
        string?[] folders = [.. weights.Files.Select(f => Path.GetDirectoryName(cache.Find(weights, f))).Distinct()];
        return folders is [{ } folder] ? folder
            : throw new GraftException($"{model}: no such folder, and the published {model} has not been downloaded. Get it with 'graft weights pull {model}', or name the folder of a model.");
    }

    /// <summary>The path of a network's weights; without top, a file with its top serves as well.</summary>
    /// <exception cref="UsageException">None is here; the message says how to get it and where it was looked for.</exception>
    public static string Require(string name, bool top)
    {
        PublishedWeights weights = PublishedWeights.Of(name);
        WeightCache cache = WeightCache.Open();
        PublishedFile[] files = top ? [.. weights.TopFiles] : [.. weights.Files, .. weights.TopFiles];
        string? path = files.Select(f => cache.Find(weights, f)).FirstOrDefault(p => p is not null);
        return path ?? throw new UsageException($"--base {name} needs {(top ? "the weights of the whole network" : "weights")}: get them with 'graft weights pull {name}{(top ? " --top" : "")}', "
            + $"or name a file with --weights FILE (Keras's {name} .h5{(top ? "" : ", with or without top")}, or safetensors with torchvision's or Hugging Face's names). "
            + $"Looked for: {string.Join(", ", cache.Places(weights, files[0]))}.");
    }
}

using Graft.Importers.Images;

namespace Graft.Cli;

/// <summary>What lies between photographs and is read as none, so that a missing ending is not a silent loss.</summary>
internal static class OtherFiles
{
    /// <summary>One line on the files in some folders that are left out, by their endings; null where there are none.</summary>
    public static string? Tell(IEnumerable<string> folders)
    {
        string[] endings = [.. folders.Where(Directory.Exists).SelectMany(ImageFolder.OthersIn).Select(f => Path.GetExtension(f).ToLowerInvariant())];
        IEnumerable<string> counts = endings.CountBy(e => e).OrderByDescending(e => e.Value).ThenBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{(e.Key.Length == 0 ? "without ending" : e.Key)} {e.Value}");
        return endings.Length == 0 ? null : $"{endings.Length} other file{(endings.Length == 1 ? " is" : "s are")} left out, by the endings of their names: {string.Join(", ", counts)}.";
    }

    /// <summary>The folders of classes in a folder; none where it is a table.</summary>
    public static IEnumerable<string> ClassFolders(string data) => !Directory.Exists(data) ? [] : Directory.GetDirectories(data).Where(d => !Path.GetFileName(d).StartsWith('.'));
}

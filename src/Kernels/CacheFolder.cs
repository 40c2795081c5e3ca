namespace Graft.Kernels;

/// <summary>Where the engine keeps what it can make or fetch again: weights, compiled kernels.</summary>
public static class CacheFolder
{
    /// <summary>GRAFT_CACHE, else graft in <see cref="Shared"/>.</summary>
    /// <param name="environment">Reads a variable; null for none.</param>
    public static string Own(Func<string, string?> environment) =>
        environment("GRAFT_CACHE") is { Length: > 0 } own ? own
        : Path.Combine(OperatingSystem.IsLinux() || environment("XDG_CACHE_HOME") is { Length: > 0 } ? Shared(environment) : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "graft");

    /// <summary>Where programs keep their caches: XDG_CACHE_HOME, else .cache in the home folder.</summary>
    /// <param name="environment">Reads a variable; null for none.</param>
    public static string Shared(Func<string, string?> environment) =>
        environment("XDG_CACHE_HOME") is { Length: > 0 } caches ? caches : Path.Combine(Home(environment), ".cache");

    /// <summary>The user's home folder.</summary>
    /// <param name="environment">Reads a variable; null for none.</param>
    public static string Home(Func<string, string?> environment) =>
        environment("HOME") is { Length: > 0 } home ? home : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
}

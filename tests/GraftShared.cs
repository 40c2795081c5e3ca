namespace Graft.Tests;

/// <summary>Finds the folder of reference data that some tests use; they are reported as skipped when it is absent.</summary>
internal static class GraftShared
{
    /// <summary>GRAFT_SHARED, else a folder "shared" beside the project, else null.</summary>
    public static string? Root { get; } = Find();

    /// <summary>Full path of a file or folder of the shared data; skips the running test where it is absent.</summary>
    public static string Path(params string[] parts)
    {
        string? path = Root is null ? null : System.IO.Path.Combine([Root, .. parts]);
        if (path is null || (!File.Exists(path) && !Directory.Exists(path)))
            Xunit.Assert.Skip($"Needs the shared data: {string.Join('/', parts)} (set GRAFT_SHARED).");
        return path!;
    }

    private static string? Find()
    {
        string? set = Environment.GetEnvironmentVariable("GRAFT_SHARED");
        if (set is not null)
            return Directory.Exists(set) ? set : null;
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(d.FullName, "Engine.sln")))
            {
                string beside = System.IO.Path.Combine(d.Parent!.FullName, "shared");
                return Directory.Exists(beside) ? beside : null;
            }
        }
        return null;
    }
}

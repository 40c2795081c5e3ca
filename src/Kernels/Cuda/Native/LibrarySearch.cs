namespace Graft.Kernels.Cuda.Native;

/// <summary>A path that was tried, and why it was not the library.</summary>
internal sealed record LibraryAttempt(string Path, string Error)
{
    /// <summary>What stands for an error where there is nothing to load.</summary>
    public const string NoFile = "no such file";

    /// <summary>One line an attempt that the loader refused, and one for all folders in which the same files are missing.</summary>
    public static IEnumerable<string> Describe(IReadOnlyList<LibraryAttempt> attempts)
    {
        foreach (LibraryAttempt attempt in attempts.Where(a => a.Error != NoFile))
            yield return $"tried {attempt.Path}: {attempt.Error}";
        IEnumerable<(string Folder, string Files)> missing = attempts.Where(a => a.Error == NoFile).GroupBy(a => System.IO.Path.GetDirectoryName(a.Path)!)
            .Select(g => (g.Key, string.Join(" or ", g.Select(a => System.IO.Path.GetFileName(a.Path)).Distinct())));
        foreach (IGrouping<string, string> alike in missing.GroupBy(m => m.Files, m => m.Folder))
            yield return $"no {alike.Key} in {string.Join(", ", alike)}";
    }
}

/// <summary>What a search gave.</summary>
/// <param name="Names">What was searched for.</param>
/// <param name="Path">Where it is; null where it was not found.</param>
/// <param name="Handle">The loaded library; 0 where it was not found.</param>
/// <param name="Major">Major version of CUDA that its name stands for.</param>
/// <param name="Attempts">What was tried before.</param>
internal sealed record FoundLibrary(LibraryNames Names, string? Path, nint Handle, int Major, IReadOnlyList<LibraryAttempt> Attempts)
{
    public bool IsFound => Handle != 0;
}

/// <summary>Looks for a library where CUDA's libraries are: see docs/cuda.md for the order.</summary>
internal sealed class LibrarySearch(LibraryHost host)
{
    private static readonly bool s_windows = OperatingSystem.IsWindows();

    /// <summary>The variables that say where to look.</summary>
    public static IReadOnlyList<string> Variables { get; } = s_windows
        ? ["GRAFT_CUDA_PATH", "PATH", "CUDA_PATH", "CUDA_HOME", "CUDNN_PATH", "CONDA_PREFIX", "VIRTUAL_ENV"]
        : ["GRAFT_CUDA_PATH", "LD_LIBRARY_PATH", "CUDA_PATH", "CUDA_HOME", "CUDNN_PATH", "CONDA_PREFIX", "VIRTUAL_ENV"];

    /// <summary>Loads the first that is found; what it opens by itself is loaded before it.</summary>
    /// <param name="names">The library.</param>
    /// <param name="major">Major version of CUDA.</param>
    public FoundLibrary Find(LibraryNames names, int major)
    {
        var attempts = new List<LibraryAttempt>();
        string[] files = names.Files(major);
        foreach (string folder in Explicit())
        {
            if (InFolder(folder, names, files, attempts) is { } found)
                return found with { Major = major };
        }
        foreach (string file in files)
        {
            if (Load(names, file, folder: null, attempts) is { } found)
                return found with { Path = host.PathOf(file), Major = major };
        }
        foreach (string folder in Usual(names))
        {
            if (InFolder(folder, names, files, attempts) is { } found)
                return found with { Major = major };
        }
        return new FoundLibrary(names, null, 0, major, attempts);
    }

    private FoundLibrary? InFolder(string folder, LibraryNames names, string[] files, List<LibraryAttempt> attempts)
    {
        foreach (string file in files)
        {
            string path = Path.Combine(folder, file);
            if (!host.FileExists(path))
            {
                attempts.Add(new LibraryAttempt(path, LibraryAttempt.NoFile));
                continue;
            }
            if (Load(names, path, folder, attempts) is { } found)
                return found;
        }
        return null;
    }

    private FoundLibrary? Load(LibraryNames names, string path, string? folder, List<LibraryAttempt> attempts)
    {
        int before = attempts.Count;
        if (!LoadBefore(names, folder, attempts))
        {
            attempts.Insert(before, new LibraryAttempt(path, "not tried, as it ends the program without this part of it:"));
            return null;
        }
        (nint handle, string error) = host.Load(path);
        if (handle != 0)
            return new FoundLibrary(names, path, handle, 0, attempts);
        attempts.Add(new LibraryAttempt(path, error));
        return null;
    }

    /// <summary>Loads what the library will open by bare name; false where a part is missing. Parts without a star in their pattern must be there.</summary>
    private bool LoadBefore(LibraryNames names, string? folder, List<LibraryAttempt> attempts)
    {
        foreach (string pattern in names.Before)
        {
            bool wanted = !pattern.Contains('*', StringComparison.Ordinal);
            IReadOnlyList<string> parts = wanted ? [folder is null ? pattern : Path.Combine(folder, pattern)] : folder is null ? [] : host.FilesOf(folder, pattern);
            foreach (string part in parts)
            {
                (nint handle, string error) = host.Load(part);
                if (handle != 0)
                    continue;
                attempts.Add(new LibraryAttempt(part, error));
                if (wanted)
                    return false;
            }
        }
        return true;
    }

    private IEnumerable<string> Explicit() =>
        (host.Variable("GRAFT_CUDA_PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(WithLibraryFolders);

    private IEnumerable<string> Usual(LibraryNames names)
    {
        IEnumerable<string> toolkits = new[] { "CUDA_PATH", "CUDA_HOME", "CUDNN_PATH" }.Select(host.Variable).OfType<string>().SelectMany(WithLibraryFolders);
        return toolkits.Concat(s_windows ? WindowsFolders() : LinuxFolders()).Concat(PythonFolders(names)).Distinct();
    }

    private static IEnumerable<string> WithLibraryFolders(string root) => s_windows
        ? [root, Path.Combine(root, "bin", "x64"), Path.Combine(root, "bin")]
        : [root, Path.Combine(root, "lib64"), Path.Combine(root, "lib"), Path.Combine(root, "targets", Target, "lib")];

    private IEnumerable<string> LinuxFolders() =>
    [
        .. WithLibraryFolders("/usr/local/cuda").Skip(1),
        .. host.Folders("/usr/local", "cuda-13*").Concat(host.Folders("/usr/local", "cuda-12*")).Select(f => Path.Combine(f, "lib64")),
        "/opt/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib",
    ];

    private IEnumerable<string> WindowsFolders()
    {
        string programs = host.Variable("ProgramFiles") ?? @"C:\Program Files";
        foreach (string version in host.Folders(Path.Combine(programs, "NVIDIA GPU Computing Toolkit", "CUDA"), "v*"))
        {
            yield return Path.Combine(version, "bin", "x64");
            yield return Path.Combine(version, "bin");
        }
        foreach (string version in host.Folders(Path.Combine(programs, "NVIDIA", "CUDNN"), "v9*"))
        {
            foreach (string cuda in host.Folders(Path.Combine(version, "bin"), "*"))
                yield return cuda;
        }
    }

    /// <summary>Folders of conda, and of pip's wheels in the environments and the user's own packages.</summary>
    private IEnumerable<string> PythonFolders(LibraryNames names)
    {
        string? conda = host.Variable("CONDA_PREFIX"), environment = host.Variable("VIRTUAL_ENV"), home = host.Variable("HOME");
        if (conda is not null)
            yield return s_windows ? Path.Combine(conda, "Library", "bin") : Path.Combine(conda, "lib");
        foreach (string packages in SitePackages(conda, environment, home))
        {
            foreach (string wheel in names.WheelFolders)
                yield return Path.Combine(packages, wheel, s_windows ? "bin" : "lib");
        }
    }

    private IEnumerable<string> SitePackages(string? conda, string? environment, string? home)
    {
        if (s_windows)
            return new[] { environment, conda }.OfType<string>().Select(root => Path.Combine(root, "Lib", "site-packages"));
        string[] roots = [.. new[] { environment, conda, home is null ? null : Path.Combine(home, ".local"), "/usr/local", "/usr" }.OfType<string>()];
        return roots.SelectMany(root => host.Folders(Path.Combine(root, "lib"), "python3*"))
            .SelectMany(python => new[] { Path.Combine(python, "site-packages"), Path.Combine(python, "dist-packages") });
    }

    private static string Target =>
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "sbsa-linux" : "x86_64-linux";
}

using Graft.Kernels.Cuda;
using Graft.Kernels.Cuda.Native;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Where libraries are looked for, in which order, and what is loaded before what, on a made-up Linux machine.</summary>
public sealed class LibrarySearchTests
{
    private readonly FakeHost _host = new();

    public LibrarySearchTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The made-up machine is a Linux.");

    [Fact]
    public void An_explicit_folder_comes_before_the_systems_own_search()
    {
        _host.Variables["GRAFT_CUDA_PATH"] = "/one:/two";
        _host.Files.UnionWith(["/two/libcuda.so.1", "/two/lib64/libcuda.so.1"]);
        _host.Bare.Add("libcuda.so.1");
        FoundLibrary found = new LibrarySearch(_host).Find(LibraryNames.Driver, 0);
        Assert.Equal("/two/libcuda.so.1", found.Path);
        Assert.Equal(["/two/libcuda.so.1"], _host.Loaded);
        Assert.Contains(found.Attempts, a => a.Path == "/one/libcuda.so.1");
    }

    [Fact]
    public void Places_are_tried_in_the_documented_order()
    {
        _host.Variables["CUDA_PATH"] = "/toolkit";
        _host.Variables["CONDA_PREFIX"] = "/conda";
        _host.Variables["VIRTUAL_ENV"] = "/venv";
        _host.Children["/usr/local"] = ["/usr/local/cuda-13.0", "/usr/local/cuda-12.6"];
        _host.Children["/venv/lib"] = ["/venv/lib/python3.12"];
        FoundLibrary found = new LibrarySearch(_host).Find(LibraryNames.Nvrtc, 12);
        Assert.False(found.IsFound);
        string[] order = ["libnvrtc.so.12", "/toolkit/lib64/libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.12", "/usr/local/cuda-13.0/lib64/libnvrtc.so.12",
            "/usr/local/cuda-12.6/lib64/libnvrtc.so.12", "/opt/cuda/lib64/libnvrtc.so.12", "/usr/lib/x86_64-linux-gnu/libnvrtc.so.12", "/conda/lib/libnvrtc.so.12",
            "/venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.12"];
        Assert.Equal(order, found.Attempts.Select(a => a.Path).Where(order.Contains));
    }

    [Fact]
    public void What_the_loader_said_stands_in_the_report_and_folders_without_the_file_take_one_line()
    {
        _host.Variables["CUDA_PATH"] = "/toolkit";
        _host.Files.Add("/toolkit/libcuda.so.1");
        _host.Broken["/toolkit/libcuda.so.1"] = "invalid ELF header";
        FoundLibrary found = new LibrarySearch(_host).Find(LibraryNames.Driver, 0);
        string[] lines = [.. LibraryAttempt.Describe(found.Attempts)];
        Assert.Contains("tried /toolkit/libcuda.so.1: invalid ELF header", lines);
        Assert.Contains(lines, l => l.StartsWith("no libcuda.so.1 or libcuda.so in /toolkit/lib64, ", StringComparison.Ordinal) && l.Contains("/usr/lib64", StringComparison.Ordinal));
    }

    [Fact]
    public void The_built_ins_of_nvrtc_are_loaded_before_it()
    {
        _host.Variables["GRAFT_CUDA_PATH"] = "/own";
        _host.Files.UnionWith(["/own/libnvrtc.so.12", "/own/libnvrtc-builtins.so.12.6"]);
        Assert.True(new LibrarySearch(_host).Find(LibraryNames.Nvrtc, 12).IsFound);
        Assert.Equal(["/own/libnvrtc-builtins.so.12.6", "/own/libnvrtc.so.12"], _host.Loaded);
    }

    [Fact]
    public void All_parts_of_cudnn_are_loaded_before_it_and_one_that_is_missing_rules_it_out()
    {
        _host.Variables["GRAFT_CUDA_PATH"] = "/own";
        string[] parts = [.. LibraryNames.Cudnn.Before.Select(p => $"/own/{p}")];
        _host.Files.UnionWith([.. parts, "/own/libcudnn.so.9"]);
        Assert.True(new LibrarySearch(_host).Find(LibraryNames.Cudnn, 12).IsFound);
        Assert.Equal([.. parts, "/own/libcudnn.so.9"], _host.Loaded);

        _host.Loaded.Clear();
        _host.Files.Remove("/own/libcudnn_ops.so.9");
        FoundLibrary found = new LibrarySearch(_host).Find(LibraryNames.Cudnn, 12);
        Assert.False(found.IsFound);
        Assert.DoesNotContain("/own/libcudnn.so.9", _host.Loaded);
        Assert.Contains(found.Attempts, a => a.Path == "/own/libcudnn_ops.so.9");
    }

    [Theory]
    [InlineData(13000, 13)] // the newest that the driver runs
    [InlineData(12040, 12)] // 13 is there too, but the driver does not run it
    [InlineData(14000, 13)] // newer than all that are known
    public void All_libraries_are_of_the_newest_major_version_that_the_driver_runs(int driver, int expected)
    {
        _host.Bare.UnionWith(["libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13", "libnvrtc.so.12", "libcublasLt.so.12", "libcublas.so.12"]);
        var libraries = new NativeLibraries(_host, _ => driver);
        Assert.Equal(expected, libraries.Major);
        Assert.All([NativeLibraries.Nvrtc, NativeLibraries.CublasLt, NativeLibraries.Cublas], l => Assert.Equal(expected, libraries[l].Major));
    }

    [Fact]
    public void A_major_version_that_is_not_whole_gives_way_to_one_that_is()
    {
        _host.Bare.UnionWith(["libcuda.so.1", "libnvrtc.so.13", "libnvrtc.so.12", "libcublasLt.so.12", "libcublas.so.12"]);
        var libraries = new NativeLibraries(_host, _ => 13000);
        Assert.Equal(12, libraries.Major);
        Assert.Equal("libnvrtc.so.12", libraries[NativeLibraries.Nvrtc].Path);
        Assert.Contains("libnvrtc.so.13", _host.Freed); // all of one process are of one version
    }

    [Fact]
    public void A_driver_that_is_too_old_gets_no_libraries()
    {
        _host.Bare.UnionWith(["libcuda.so.1", "libnvrtc.so.12", "libcublasLt.so.12", "libcublas.so.12"]);
        var libraries = new NativeLibraries(_host, _ => 11080);
        Assert.False(libraries[NativeLibraries.Nvrtc].IsFound);
        CudaDiagnosis diagnosis = new CudaInspection(libraries, tries: false).Run();
        Assert.False(diagnosis.IsUsable);
        Assert.Contains("It runs CUDA 11.8; 12.0 or later is needed", diagnosis.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Cudnn_8_is_named_and_refused()
    {
        _host.Bare.UnionWith(["libcuda.so.1", "libcudnn.so.8"]);
        FoundLibrary cudnn = new NativeLibraries(_host, _ => 12000)[NativeLibraries.Cudnn];
        Assert.False(cudnn.IsFound);
        Assert.Contains(cudnn.Attempts, a => a.Path == "libcudnn.so.8" && a.Error.Contains("is cuDNN 8; 9 is needed", StringComparison.Ordinal));
        Assert.Contains("libcudnn.so.8", _host.Freed);
    }

    [Fact]
    public void Without_anything_the_report_says_what_was_tried_and_what_to_install()
    {
        CudaDiagnosis diagnosis = new CudaInspection(new NativeLibraries(_host, _ => 0), tries: true).Run();
        string report = diagnosis.ToString();
        Assert.False(diagnosis.IsUsable);
        foreach (string part in new[] { "driver      not found", "tried libcuda.so.1: not here", "no libnvrtc.so.13 or libnvrtc.so.12 in ", "nvidia-cublas-cu12", "cuDNN       not found (not needed)",
            "GRAFT_CUDA_PATH", "LD_LIBRARY_PATH", "CUDA is not usable: driver was not found." })
            Assert.Contains(part, report, StringComparison.Ordinal);
    }

    /// <summary>A machine of which only this is known: variables, files, libraries that the loader finds by bare name.</summary>
    private sealed class FakeHost : LibraryHost
    {
        private readonly List<string> _handles = [];

        public Dictionary<string, string> Variables { get; } = [];

        public HashSet<string> Files { get; } = [];

        public HashSet<string> Bare { get; } = [];

        public Dictionary<string, string> Broken { get; } = [];

        public Dictionary<string, string[]> Children { get; } = [];

        public List<string> Loaded { get; } = [];

        public List<string> Freed { get; } = [];

        public override string? Variable(string name) => Variables.GetValueOrDefault(name);

        public override bool FileExists(string path) => Files.Contains(path);

        public override IReadOnlyList<string> Folders(string parent, string pattern) =>
            [.. Children.GetValueOrDefault(parent, []).Where(f => Path.GetFileName(f).StartsWith(pattern.TrimEnd('*'), StringComparison.Ordinal))];

        public override IReadOnlyList<string> FilesOf(string folder, string pattern) =>
            [.. Files.Where(f => Path.GetDirectoryName(f) == folder && Path.GetFileName(f).StartsWith(pattern.TrimEnd('*'), StringComparison.Ordinal))];

        public override (nint Handle, string Error) Load(string path)
        {
            if (Broken.TryGetValue(path, out string? error))
                return (0, error);
            if (!(path.StartsWith('/') ? Files : Bare).Contains(path))
                return (0, "not here");
            Loaded.Add(path);
            _handles.Add(path);
            return (_handles.Count, "");
        }

        public override void Free(nint handle) => Freed.Add(_handles[(int)handle - 1]);

        public override string PathOf(string name) => name;
    }
}

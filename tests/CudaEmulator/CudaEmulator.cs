using System.Runtime.InteropServices;
using Graft.Kernels.Cuda;
using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>When work that a test queues on the emulated device runs. Real devices promise none of these.</summary>
internal enum EmulatorProgress { Late = 0, AtOnce = 1, Random = 2 }

/// <summary>In which order the threads of a block take their turns.</summary>
internal enum EmulatorThreadOrder { Forward = 0, Backward = 1, Shuffled = 2 }

/// <summary>
/// The emulated CUDA libraries, for tests of the CUDA backend without a GPU: builds them when first asked, points GRAFT_CUDA_PATH at
/// them, and speaks to their core (settings, findings, counters, orders to fail).
/// </summary>
/// <remarks>
/// There is one per process, and its settings are the process's: tests that use it belong to the collection
/// <see cref="CudaEmulatorCollection"/>, one after another, beside tests that know nothing of it. With GRAFT_TEST_GPU=1 the same tests run on this machine's GPU:
/// what only makes the emulator stricter is left out, and a test that asks for findings, counters or calls that fail on order is skipped there.
/// </remarks>
public sealed unsafe class CudaEmulator : IDisposable
{
    /// <summary>Bytes that the GPU has, where a test does not say otherwise.</summary>
    internal const ulong Memory = 16UL << 30;

    private const string PathVariable = "GRAFT_CUDA_PATH";
    private readonly string? _pathBefore = Environment.GetEnvironmentVariable(PathVariable);
    private readonly nint _core;

    /// <summary>Builds and loads the emulator; where that cannot be done, <see cref="Reason"/> says why.</summary>
    public CudaEmulator()
    {
        if (UsesHardware)
        {
            // Where the GPU must be tested, its absence is a failure and no reason to skip.
            Assert.True(CudaDiagnosis.Found.IsUsable, CudaDiagnosis.Found.ToString());
            Reason = "";
            return;
        }
        (Folder, Reason) = EmulatorBuild.Folder();
        if (Folder is null)
        {
            // Where the emulator must be tested, as in .ci/run, its absence is a failure and no reason to skip.
            Assert.False(Environment.GetEnvironmentVariable("GRAFT_REQUIRE_CUDA_EMULATOR") == "1", Reason);
            return;
        }
        // By full path, and what others need first: later loads by bare name then find these.
        foreach (string file in new[] { "libcudaemu.so", "libcuda.so.1", "libnvrtc.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9" })
            NativeLibrary.Load(Path.Combine(Folder, file));
        _core = NativeLibrary.Load(Path.Combine(Folder, "libcudaemu.so"));
        Environment.SetEnvironmentVariable(PathVariable, Folder);
        // Kernels that another state of the emulator compiled may not fit this one: each has a folder of its own, also for programs that tests start.
        if (TestDevice.ChoosesKernels)
            Environment.SetEnvironmentVariable(TestDevice.KernelsVariable, Path.Combine(Folder, "kernels"));
        Restore();
    }

    /// <summary>True where tests run on this machine's GPU, as GRAFT_TEST_GPU=1 asks.</summary>
    public static bool UsesHardware { get; } = Environment.GetEnvironmentVariable("GRAFT_TEST_GPU") == "1";

    /// <summary>The folder with libcuda.so.1, libnvrtc.so.12 and the others; null where there are none, and on a GPU.</summary>
    public string? Folder { get; }

    /// <summary>True if the libraries are there.</summary>
    public bool Available => Folder is not null || UsesHardware;

    /// <summary>Why they are not: "g++ not found: ...".</summary>
    public string Reason { get; }

    /// <summary>Skips the running test where the emulator cannot be built, and gives it a clean start otherwise.</summary>
    public void Begin(string label)
    {
        Assert.SkipUnless(Available, Reason);
        if (UsesHardware)
            return;
        Restore();
        Label(label);
    }

    /// <summary>The same for a test of the emulator itself, or of what it alone can show: skipped on a GPU.</summary>
    internal void BeginEmulated(string label, string why = "it is a test of the emulator itself")
    {
        OnlyEmulated(why);
        Begin(label);
    }

    /// <summary>Default settings, no findings, counters at zero, nothing ordered to fail.</summary>
    public void Restore()
    {
        Configure("checked", 0);
        Configure("tight", 0);
        Configure("progress", (ulong)EmulatorProgress.Late);
        Configure("thread_order", (ulong)EmulatorThreadOrder.Forward);
        Configure("seed", 1);
        Configure("memory", Memory);
        Configure("watchdog_seconds", 20);
        Configure("compute_capability", 90);
        Configure("lt_quirk", 0);
        Configure("idle", 0);
        foreach (string kind in CallKinds)
            Inject(kind, 0, 0);
        Label("");
        ClearReports();
        ResetCounters();
    }

    /// <summary>Kinds of calls that can be made to fail.</summary>
    internal static IReadOnlyList<string> CallKinds { get; } = ["allocation", "launch", "copy", "capture", "instantiate", "cublas", "cublaslt", "cudnn", "compile"];

    /// <summary>Compile kernels so that every load and store is checked. Applies to kernels compiled from now on.</summary>
    internal bool Checked { set => Tighten("checked", value ? 1UL : 0); }

    /// <summary>Let allocations end where a closed page begins (aligned to 16 bytes), instead of 256-byte alignment as on hardware.</summary>
    internal bool Tight { set => Tighten("tight", value ? 1UL : 0); }

    /// <summary>When queued work runs.</summary>
    internal EmulatorProgress Progress { set => Tighten("progress", (ulong)value); }

    /// <summary>The order of a block's threads.</summary>
    internal EmulatorThreadOrder ThreadOrder { set => Tighten("thread_order", (ulong)value); }

    /// <summary>Seeds the order of blocks, of shuffled threads, of random progress and of algorithm lists.</summary>
    internal ulong Seed { set => Tighten("seed", value); }

    /// <summary>Sets any setting of tests/CudaEmulator/Core/Settings.h by its name.</summary>
    internal void Configure(string name, ulong value)
    {
        OnlyEmulated($"it sets '{name}'");
        fixed (byte* text = Utf8(name))
            Assert.True(((delegate* unmanaged<byte*, ulong, int>)Export("cuemuConfigure"))(text, value) == 1, $"The emulator has no setting '{name}' that takes {value}.");
    }

    /// <summary>Says who is at work: findings and leaks name it.</summary>
    internal void Label(string label)
    {
        fixed (byte* text = Utf8(label))
            ((delegate* unmanaged<byte*, void>)Export("cuemuLabel"))(text);
    }

    /// <summary>What the emulator found wrong since <see cref="ClearReports"/>.</summary>
    internal IReadOnlyList<string> Findings
    {
        get
        {
            OnlyEmulated("it reads findings");
            int count = ((delegate* unmanaged<int>)Export("cuemuFindingCount"))();
            var all = new string[count];
            for (int i = 0; i < count; i++)
                all[i] = Text(((delegate* unmanaged<int, byte*>)Export("cuemuFinding"))(i));
            return all;
        }
    }

    /// <summary>The reason of the last refusal, finding or not.</summary>
    internal string LastMessage => Text(((delegate* unmanaged<byte*>)Export("cuemuLastMessage"))());

    /// <summary>Forgets findings.</summary>
    internal void ClearReports() => ((delegate* unmanaged<void>)Export("cuemuClearReports"))();

    /// <summary>Fails the running test if the emulator found anything, and forgets it.</summary>
    internal void AssertNoFindings()
    {
        if (UsesHardware)
            return;
        IReadOnlyList<string> findings = Findings;
        ClearReports();
        Assert.True(findings.Count == 0, "The CUDA emulator found:\n" + string.Join('\n', findings));
    }

    /// <summary>A counter of tests/CudaEmulator/Core/Counters.h: "launches", "launches:softmax", "allocations", "bytes_live", ...</summary>
    internal ulong Counter(string name)
    {
        OnlyEmulated("it counts what runs");
        fixed (byte* text = Utf8(name))
            return ((delegate* unmanaged<byte*, ulong>)Export("cuemuCounter"))(text);
    }

    /// <summary>Sets counters to zero, but for those of a state such as bytes_live.</summary>
    internal void ResetCounters()
    {
        if (!UsesHardware)
            ((delegate* unmanaged<void>)Export("cuemuResetCounters"))();
    }

    /// <summary>Lets the nth call of a kind from now on (1 is the next), and so many in all, answer a status; n = 0 takes the order back.</summary>
    internal void Inject(string kind, ulong n, int status, ulong times = 1)
    {
        OnlyEmulated("it lets calls fail");
        fixed (byte* text = Utf8(kind))
            Assert.True(((delegate* unmanaged<byte*, ulong, int, ulong, int>)Export("cuemuInject"))(text, n, status, times) == 1, $"The emulator knows no kind of call '{kind}'.");
    }

    /// <summary>Runs all queued work without counting as a wait of the program.</summary>
    internal int RunPending() => ((delegate* unmanaged<int>)Export("cuemuRunPending"))();

    /// <summary>Takes the path back. The libraries stay loaded: what loaded them by name keeps using them.</summary>
    public void Dispose()
    {
        if (Folder is null)
            return;
        Restore();
        Environment.SetEnvironmentVariable(PathVariable, _pathBefore);
    }

    private static void OnlyEmulated(string why) => Assert.SkipWhen(UsesHardware, $"Needs the emulator: {why}.");

    /// <summary>A setting under which the emulator looks more closely or runs in another order; a GPU has none of it.</summary>
    private void Tighten(string name, ulong value)
    {
        if (!UsesHardware)
            Configure(name, value);
    }

    private void* Export(string name) => (void*)NativeLibrary.GetExport(_core, name);

    private static byte[] Utf8(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text), 0];

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}

/// <summary>Tests on the emulator share it, one after another. Other collections run beside them: what these tests count is the emulated device's alone.</summary>
[CollectionDefinition(Name)]
[Trait("Device", "cuda")]
public sealed class CudaEmulatorCollection : ICollectionFixture<CudaEmulator>
{
    /// <summary>For <c>[Collection(CudaEmulatorCollection.Name)]</c>.</summary>
    public const string Name = "CUDA emulator";
}

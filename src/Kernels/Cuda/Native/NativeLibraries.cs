using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>The libraries of this process: found once, of one major version of CUDA, and given to the declarations by one resolver.</summary>
internal sealed class NativeLibraries
{
    /// <summary>Names in LibraryImport.</summary>
    internal const string Driver = "cuda", Nvrtc = "nvrtc", Cublas = "cublas", CublasLt = "cublasLt", Cudnn = "cudnn";

    private const int NewestMajor = 13, OldestMajor = 12;

    private static readonly Lazy<NativeLibraries> s_process = new(() => new NativeLibraries(new LibraryHost(), AskDriver));
    private static int s_registered;

    private readonly Dictionary<string, FoundLibrary> _found = [];

    /// <summary>Searches. A library that is not found stays unfound for the life of the process.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="driverVersion">The version of CUDA that the loaded driver runs, as cuDriverGetVersion says it: 12040 for 12.4.</param>
    internal NativeLibraries(LibraryHost host, Func<nint, int> driverVersion)
    {
        var search = new LibrarySearch(host);
        FoundLibrary driver = search.Find(LibraryNames.Driver, 0);
        _found.Add(Driver, driver);
        DriverVersion = driver.IsFound ? driverVersion(driver.Handle) : 0;
        AddFamily(host, search, driver.IsFound ? Math.Min(DriverVersion / 1000, NewestMajor) : NewestMajor);
        FoundLibrary cudnn = search.Find(LibraryNames.Cudnn, Major);
        _found.Add(Cudnn, cudnn);
        if (!cudnn.IsFound && search.Find(LibraryNames.Cudnn8, Major) is { IsFound: true } old)
        {
            _found[Cudnn] = cudnn with { Attempts = [.. cudnn.Attempts, new LibraryAttempt(old.Path!, "is cuDNN 8; 9 is needed, as the two answer with different status codes")] };
            host.Free(old.Handle);
        }
    }

    /// <summary>Those of this process.</summary>
    public static NativeLibraries OfProcess => s_process.Value;

    /// <summary>Version of CUDA that the driver runs: 12040 for 12.4; 0 without a driver.</summary>
    public int DriverVersion { get; }

    /// <summary>Major version of CUDA that all others are of.</summary>
    public int Major { get; private set; }

    /// <summary>A library, by its name in LibraryImport.</summary>
    public FoundLibrary this[string import] => _found[import];

    /// <summary>Makes the declarations ask here; done by the static constructor of each class of declarations.</summary>
    public static void Register()
    {
        if (Interlocked.Exchange(ref s_registered, 1) == 0)
            NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, (import, _, _) => Resolve(import));
    }

    /// <summary>True where a loaded library has a symbol: newer drivers have more.</summary>
    public bool Exports(string import, string symbol) => this[import] is { IsFound: true } library && NativeLibrary.TryGetExport(library.Handle, symbol, out _);

    private static nint Resolve(string import)
    {
        FoundLibrary library = OfProcess[import];
        return library.IsFound ? library.Handle : throw new CudaUnavailableException(
            $"{library.Names.Title} was not found ({library.Attempts.Count} places tried; 'graft devices' lists them). {library.Names.Install}");
    }

    /// <summary>NVRTC, cuBLASLt and cuBLAS of the newest major version that the driver runs and that has all three; else of the newest, for the report.</summary>
    private void AddFamily(LibraryHost host, LibrarySearch search, int newest)
    {
        var families = new List<FoundLibrary[]>();
        for (int major = newest; major >= OldestMajor && !families.Exists(IsWhole); major--)
            families.Add([search.Find(LibraryNames.Nvrtc, major), search.Find(LibraryNames.CublasLt, major), search.Find(LibraryNames.Cublas, major)]);
        if (families.Count == 0) // the driver is too old for any
            families.Add([.. new[] { LibraryNames.Nvrtc, LibraryNames.CublasLt, LibraryNames.Cublas }.Select(n => new FoundLibrary(n, null, 0, OldestMajor, []))]);
        FoundLibrary[] chosen = families.Find(IsWhole) ?? families[0];
        foreach (FoundLibrary unused in families.Where(f => f != chosen).SelectMany(f => f).Where(l => l.IsFound))
            host.Free(unused.Handle);
        for (int i = 0; i < chosen.Length; i++)
            _found.Add(chosen[i].Names.Import, chosen[i] with { Attempts = [.. families.SelectMany(f => f[i].Attempts)] });
        Major = chosen[0].Major;
    }

    private static bool IsWhole(FoundLibrary[] family) => Array.TrueForAll(family, l => l.IsFound);

    /// <summary>cuDriverGetVersion by its address: the declaration would ask the resolver, which waits for this search.</summary>
    private static unsafe int AskDriver(nint driver)
    {
        int version = 0;
        var ask = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver, nameof(Native.Driver.cuDriverGetVersion));
        return ask(&version) == 0 ? version : 0;
    }
}

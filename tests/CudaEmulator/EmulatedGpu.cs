using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Tests.CudaEmulator;

/// <summary>A device of its own on the emulated GPU, for one test or a few: each block is exact and given back at once, so that the emulator sees every misuse.</summary>
/// <remarks>On a GPU (<see cref="CudaEmulator.UsesHardware"/>) tests share context, modules and libraries, whose start takes longer than most tests, and compiled kernels are kept on disk.</remarks>
internal sealed class EmulatedGpu : IDisposable
{
    private static readonly Dictionary<CudaOptions, CudaKernelSet> s_shared = [];
    private static readonly Lazy<KernelCache> s_kept = new(() => CudaOptions.Read(Environment.GetEnvironmentVariable).Cache);

    private readonly CudaKernelSet _kernels;
    private readonly bool _isShared;

    /// <summary>Opens it; kernels are compiled as the emulator is set now.</summary>
    public EmulatedGpu(KernelCache? cache = null, bool isOneToOne = true, bool usesCudnn = true, bool usesGraphs = true, bool usesCublasLt = true, bool findsAlgorithms = false)
    {
        _isShared = CudaEmulator.UsesHardware && cache is null;
        var options = new CudaOptions(cache ?? (_isShared ? s_kept.Value : new KernelCache(null)), isOneToOne, UsesCudnn: usesCudnn, FindsAlgorithms: findsAlgorithms, UsesGraphs: usesGraphs, UsesCublasLt: usesCublasLt);
        _kernels = _isShared ? Shared(options) : new CudaKernelSet(CudaContext.Open(0, options));
        Device = new Device(_kernels);
    }

    /// <summary>The device.</summary>
    public Device Device { get; }

    /// <summary>Its kernels.</summary>
    public KernelSet Kernels => _kernels;

    /// <summary>Its runtime.</summary>
    public CudaContext Context => _kernels.Context;

    /// <summary>Gives everything back; what is left over is a finding of the emulator.</summary>
    public void Dispose()
    {
        Device.Pool.Trim();
        if (!_isShared)
            _kernels.Dispose();
    }

    private static CudaKernelSet Shared(CudaOptions options)
    {
        if (!s_shared.TryGetValue(options, out CudaKernelSet? kernels))
            s_shared.Add(options, kernels = new CudaKernelSet(CudaContext.Open(0, options)));
        return kernels;
    }
}

using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Tests.CudaEmulator;

/// <summary>A device of its own on the emulated GPU, for one test or a few: each block is exact and given back at once, so that the emulator sees every misuse.</summary>
internal sealed class EmulatedGpu : IDisposable
{
    private readonly CudaKernelSet _kernels;

    /// <summary>Opens it; kernels are compiled as the emulator is set now.</summary>
    public EmulatedGpu(KernelCache? cache = null, bool isOneToOne = true, bool usesCudnn = true, bool usesGraphs = true)
    {
        _kernels = new CudaKernelSet(CudaContext.Open(0, new CudaOptions(cache ?? new KernelCache(null), isOneToOne, UsesCudnn: usesCudnn, UsesGraphs: usesGraphs)));
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
        _kernels.Dispose();
    }
}

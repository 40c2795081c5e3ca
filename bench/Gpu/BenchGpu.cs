using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

/// <summary>The first GPU, as the benches use it; without one they leave its figures out and say why.</summary>
internal static class BenchGpu
{
    /// <summary>Why there is none; null where there is one.</summary>
    public static string? Obstacle => CudaDiagnosis.Found.IsUsable ? null : CudaDiagnosis.Found.Verdict;

    /// <summary>The GPU.</summary>
    public static Device Device => Device.Cuda();

    /// <summary>Its runtime.</summary>
    public static CudaContext Context => ((CudaKernelSet)Device.Kernels).Context;

    /// <summary>Waits for all its work.</summary>
    public static void Synchronize() => Context.Synchronize();

    /// <summary>Name, libraries: "NVIDIA H100 80GB HBM3 (9.0), driver CUDA 13.0, NVRTC 13.0, cuBLAS 13.0.0, cuDNN 9.13.0".</summary>
    public static string Describe()
    {
        CudaDiagnosis found = CudaDiagnosis.Found;
        CudaDeviceInfo gpu = found.Devices[0];
        IEnumerable<string> libraries = found.Libraries.Where(l => l.Path is not null).Select(l => $"{l.Name} {l.Version ?? "of unknown version"}");
        return $"{gpu.Name} ({gpu.Major}.{gpu.Minor}), {string.Join(", ", libraries)}";
    }

    /// <summary>Its name as the name of a folder.</summary>
    public static string FolderName => Machine.FolderNameOf(CudaDiagnosis.Found.Devices[0].Name);
}

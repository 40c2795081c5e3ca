namespace Graft.Kernels.Cuda.Native;

/// <summary>What a library is called on disk, and where packages of Python keep it.</summary>
/// <param name="Import">Name in LibraryImport.</param>
/// <param name="Title">Name for people.</param>
/// <param name="Files">File names to try for a major version of CUDA, the best first.</param>
/// <param name="WheelFolders">Folders below site-packages.</param>
/// <param name="Before">Patterns of files beside it that must be loaded before it, in order: it opens them by bare name, which finds what is loaded.</param>
/// <param name="Install">What to do where it is missing.</param>
internal sealed record LibraryNames(string Import, string Title, Func<int, string[]> Files, string[] WheelFolders, string[] Before, string Install)
{
    private static readonly bool s_windows = OperatingSystem.IsWindows();

    // Dependencies first. Without one of them cuDNN 9 does not answer with an error, it aborts the process.
    private static readonly string[] s_cudnnParts =
        ["cudnn_graph", "cudnn_ops", "cudnn_cnn", "cudnn_adv", "cudnn_heuristic", "cudnn_engines_precompiled", "cudnn_engines_runtime_compiled"];

    public static LibraryNames Driver { get; } = new(NativeLibraries.Driver, "driver",
        _ => s_windows ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"], [], [],
        "It comes with NVIDIA's GPU driver (525 or later), not with the CUDA toolkit; in a container, start it with the GPUs (docker run --gpus all).");

    public static LibraryNames Nvrtc { get; } = new(NativeLibraries.Nvrtc, "NVRTC",
        major => s_windows ? [$"nvrtc64_{major}0_0.dll"] : [$"libnvrtc.so.{major}"], ["nvidia/cuda_nvrtc", "nvidia/cu13"],
        [s_windows ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so.*"],
        "Install the CUDA toolkit 12 or 13, or 'pip install nvidia-cuda-nvrtc-cu12', or name the folder that has it in GRAFT_CUDA_PATH.");

    public static LibraryNames CublasLt { get; } = new(NativeLibraries.CublasLt, "cuBLASLt",
        major => s_windows ? [$"cublasLt64_{major}.dll"] : [$"libcublasLt.so.{major}"], ["nvidia/cublas", "nvidia/cu13"], [],
        "It comes with cuBLAS.");

    public static LibraryNames Cublas { get; } = new(NativeLibraries.Cublas, "cuBLAS",
        major => s_windows ? [$"cublas64_{major}.dll"] : [$"libcublas.so.{major}"], ["nvidia/cublas", "nvidia/cu13"], [],
        "Install the CUDA toolkit 12 or 13, or 'pip install nvidia-cublas-cu12', or name the folder that has it in GRAFT_CUDA_PATH.");

    public static LibraryNames Cudnn { get; } = new(NativeLibraries.Cudnn, "cuDNN",
        _ => s_windows ? ["cudnn64_9.dll"] : ["libcudnn.so.9"], ["nvidia/cudnn"],
        [.. s_cudnnParts.Select(part => s_windows ? $"{part}64_9.dll" : $"lib{part}.so.9")],
        "It is not needed. To have it, install cuDNN 9, or 'pip install nvidia-cudnn-cu12', or name its folder in GRAFT_CUDA_PATH.");

    /// <summary>cuDNN 8, which is named where it is found and 9 is not: its status codes differ, and it is not used.</summary>
    public static LibraryNames Cudnn8 { get; } = Cudnn with { Files = _ => s_windows ? ["cudnn64_8.dll"] : ["libcudnn.so.8"], Before = [] };
}

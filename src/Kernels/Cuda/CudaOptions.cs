namespace Graft.Kernels.Cuda;

/// <summary>How a GPU is used; the variables are for looking into faults.</summary>
/// <param name="Cache">Compiled kernels.</param>
/// <param name="IsOneToOne">
/// True takes each block in its exact size and gives it back at once, so that tools which watch the memory see every misuse; false keeps blocks for reuse.
/// </param>
/// <param name="Synchronizes">True waits after each launch, so that a fault names its kernel.</param>
/// <param name="UsesCudnn">False computes convolutions by own kernels even where cuDNN is there.</param>
/// <param name="UsesGraphs">False hands in kernel by kernel what else is recorded into a CUDA graph once and launched as a whole.</param>
/// <param name="FindsAlgorithms">
/// True times cuDNN's algorithms on the first operands of each geometry and takes the fastest, in place of the one that its heuristic names: another run may take another one,
/// whose sums are in another order.
/// </param>
/// <param name="UsesCublasLt">False computes dense layers by cuBLAS, bias and activation by own kernels.</param>
/// <param name="ChainsKernels">False lets no kernel begin before the one ahead of it has ended.</param>
internal sealed record CudaOptions(
    KernelCache Cache, bool IsOneToOne = false, bool Synchronizes = false, bool UsesCudnn = true, bool FindsAlgorithms = false, bool UsesGraphs = true,
    bool UsesCublasLt = true, bool ChainsKernels = true)
{
    /// <summary>
    /// By the variables GRAFT_CUDA_CACHE (a folder, or off), GRAFT_CUDA_POOL (keep or one-to-one), GRAFT_CUDA_SYNC (1), GRAFT_CUDA_CUDNN (on, find
    /// or off), GRAFT_CUDA_GRAPHS, GRAFT_CUDA_CUBLASLT and GRAFT_CUDA_CHAINS (on or off).
    /// </summary>
    /// <exception cref="GraftException">One of them has another value.</exception>
    public static CudaOptions Read(Func<string, string?> variable) => new(
        new KernelCache(variable("GRAFT_CUDA_CACHE") switch
        {
            "off" => null,
            { Length: > 0 } named => named,
            _ => Path.Combine(CacheFolder.Own(variable), "cuda"),
        }),
        variable("GRAFT_CUDA_POOL") switch
        {
            "one-to-one" => true,
            null or "" or "keep" => false,
            var other => throw new GraftException($"GRAFT_CUDA_POOL is '{other}'; it takes keep (the default) or one-to-one."),
        },
        variable("GRAFT_CUDA_SYNC") switch
        {
            "1" => true,
            null or "" or "0" => false,
            var other => throw new GraftException($"GRAFT_CUDA_SYNC is '{other}'; it takes 1 (wait after each launch) or 0."),
        },
        variable("GRAFT_CUDA_CUDNN") == Find || IsOn(variable, "GRAFT_CUDA_CUDNN", "convolutions by own kernels", $", {Find} (the fastest of its algorithms, timed at first use)"),
        variable("GRAFT_CUDA_CUDNN") == Find,
        IsOn(variable, "GRAFT_CUDA_GRAPHS", "every kernel handed in by itself"),
        IsOn(variable, "GRAFT_CUDA_CUBLASLT", "dense layers by cuBLAS and own kernels"),
        IsOn(variable, "GRAFT_CUDA_CHAINS", "no kernel begins before the one ahead of it has ended"));

    private const string Find = "find";

    private static bool IsOn(Func<string, string?> variable, string name, string off, string more = "") => variable(name) switch
    {
        "off" => false,
        null or "" or "on" => true,
        var other => throw new GraftException($"{name} is '{other}'; it takes on (the default){more} or off ({off})."),
    };
}

namespace Graft.Kernels.Cuda;

/// <summary>Kernels in which a block owns a row.</summary>
internal static class CudaRows
{
    private const int Warp = 32;

    /// <summary>Threads for a row: whole warps, no more than there are elements for, which the length alone decides.</summary>
    public static int Threads(long length) => (int)Math.Clamp((length + Warp - 1) / Warp * Warp, Warp, KernelFunction.Threads);
}

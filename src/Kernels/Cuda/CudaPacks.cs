namespace Graft.Kernels.Cuda;

/// <summary>When numbers can be moved in packs of 16 bytes, as Packs.cuh has them.</summary>
internal static class CudaPacks
{
    private const int Bytes = 16;

    /// <summary>Numbers of a pack.</summary>
    public static int Width(ComputePrecision stored) => stored.IsNarrow() ? Bytes / sizeof(ushort) : Bytes / sizeof(float);

    /// <summary>True where numbers are few enough for an index of 32 bits and all arrays begin at a multiple of a pack; Null does.</summary>
    public static bool Fit(long count, params ReadOnlySpan<nint> addresses)
    {
        if (count > CudaWalk.Most)
            return false;
        foreach (nint address in addresses)
        {
            if (address % Bytes != 0)
                return false;
        }
        return true;
    }

    /// <summary>Threads for numbers of which each thread has so many packs: at least one, for the numbers that fill no pack.</summary>
    public static long Threads(long count, int width, int unroll) => Math.Max(1, (count + (long)width * unroll - 1) / (width * unroll));
}

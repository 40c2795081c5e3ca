namespace Graft.Kernels.Cpu;

/// <summary>
/// Which thread meets which part of a weight [K,N], in the product that reads it and in the step that moves it: where it is the same thread each time, the lines that a core wrote lie in
/// its own caches when it needs them next.
/// </summary>
/// <remarks>
/// Two cores without a common cache (of two core complexes or sockets) took 0.12 ms to move 8 MB of weights and as many of a slot that each had read before, and 0.9 ms where the other one had.
/// </remarks>
internal static class WeightOwners
{
    /// <summary>Numbers of a page. A processor asks ahead within a page: in a narrower share of a row, for lines that another core writes.</summary>
    private const int Page = 1024;

    /// <summary>Rows of a block; what a thread owns begins at a multiple of it.</summary>
    public const int BlockRows = 64;

    /// <summary>Threads own rows; else columns.</summary>
    public static bool OwnRows(int columns, int threads) => (columns + threads - 1) / threads < Page;
}

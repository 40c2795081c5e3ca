namespace Graft.Kernels;

/// <summary>How every backward kernel writes: beta 0 writes without reading, so that old NaNs cannot leak; otherwise it adds.</summary>
internal static class BetaStore
{
    /// <summary>destination = beta * destination + value.</summary>
    public static void Store(ref float destination, double value, float beta) =>
        destination = beta == 0 ? (float)value : (float)(beta * (double)destination + value);
}

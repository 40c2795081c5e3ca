namespace Graft.Kernels;

/// <summary>One axis of an output pixel: the position Low with share 1 - Share, and High with Share.</summary>
/// <param name="Low">The input position at or before it.</param>
/// <param name="High">The input position behind it; the same at the border.</param>
/// <param name="Share">Share of High, from 0 to below 1.</param>
public readonly record struct UpsampleSource(int Low, int High, float Share)
{
    /// <summary>Output position <paramref name="p"/> lies at (p + 0.5) / factor - 0.5 of the input: centres of pixels are at halves.</summary>
    public static UpsampleSource Of(UpsampleKind kind, int p, int factor, int extent)
    {
        if (kind == UpsampleKind.Nearest)
            return new(p / factor, p / factor, 0);
        double at = (p + 0.5) / factor - 0.5;
        int low = (int)Math.Floor(at);
        return new(Math.Max(low, 0), Math.Min(low + 1, extent - 1), (float)(at - low));
    }

    /// <summary>Share of an input position in this output position.</summary>
    public float ShareOf(int position) => (position == Low ? 1 - Share : 0) + (position == High ? Share : 0);

    /// <summary>The output positions, first to before end, that an input position can have a share in.</summary>
    public static (int First, int End) Readers(UpsampleKind kind, int position, int factor, int extent) => kind == UpsampleKind.Nearest
        ? (position * factor, (position + 1) * factor)
        : (Math.Max(0, (position - 1) * factor), Math.Min(extent, position + 2) * factor);
}

namespace Graft.Kernels;

/// <summary>
/// A function of two numbers under NumPy's broadcasting: y [Extents]; a and b have stride 0 along the axes that are repeated.
/// </summary>
/// <param name="Formula">The function.</param>
/// <param name="Extents">Extents of y, with neighbours that broadcast alike merged into one axis.</param>
/// <param name="StridesA">Strides of a.</param>
/// <param name="StridesB">Strides of b.</param>
public readonly record struct BinaryGeometry(BinaryFormula Formula, Axes Extents, Axes StridesA, Axes StridesB)
{
    /// <summary>Number of elements of y.</summary>
    public long Count => Extents.Product;

    /// <summary>The broadcast extent of one axis, or -1 where the two do not fit.</summary>
    public static int Broadcast(int a, int b) => a == b ? a : a == 1 ? b : b == 1 ? a : -1;

    /// <summary>Builds the geometry from two shapes, the shorter one extended by axes of extent 1 in front.</summary>
    /// <exception cref="ArgumentException">More than <see cref="Axes.Most"/> axes remain after merging.</exception>
    public static BinaryGeometry Of(BinaryFormula formula, ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        int rank = Math.Max(a.Length, b.Length), used = 0;
        // From the last axis to the first: strides grow, and each axis joins its inner neighbour where both strides allow it.
        var extents = new long[rank];
        var strideA = new long[rank];
        var strideB = new long[rank];
        long nextA = 1, nextB = 1;
        for (int i = 1; i <= rank; i++)
        {
            int sizeA = i <= a.Length ? a[^i] : 1, sizeB = i <= b.Length ? b[^i] : 1;
            long extent = Broadcast(sizeA, sizeB), sa = sizeA == 1 ? 0 : nextA, sb = sizeB == 1 ? 0 : nextB;
            nextA *= sizeA;
            nextB *= sizeB;
            if (extent == 1)
                continue;
            if (used > 0 && sa == strideA[used - 1] * extents[used - 1] && sb == strideB[used - 1] * extents[used - 1]
                && (sa == 0) == (strideA[used - 1] == 0) && (sb == 0) == (strideB[used - 1] == 0))
            {
                extents[used - 1] *= extent;
                continue;
            }
            (extents[used], strideA[used], strideB[used]) = (extent, sa, sb);
            used++;
        }
        if (used > Axes.Most)
            throw new ArgumentException($"Broadcasting alternates over {used} axes; at most {Axes.Most} are supported. Reshape to fewer axes.");
        Array.Reverse(extents, 0, used);
        Array.Reverse(strideA, 0, used);
        Array.Reverse(strideB, 0, used);
        return new(formula, Axes.From(extents.AsSpan(0, used)), Axes.From(strideA.AsSpan(0, used)), Axes.From(strideB.AsSpan(0, used)));
    }
}

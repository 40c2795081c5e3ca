namespace Graft.Kernels;

/// <summary>A reduction of x [Extents] over some axes to y, the row-major array of the axes that stay.</summary>
/// <param name="Formula">How many become one.</param>
/// <param name="Extents">Extents of x, neighbours of a kind merged: kept and reduced axes alternate.</param>
/// <param name="FirstReduced">True where the first axis is reduced.</param>
public readonly record struct ReduceGeometry(ReduceFormula Formula, Axes Extents, bool FirstReduced)
{
    /// <summary>Elements that become one.</summary>
    public long Reduced => Part(true);

    /// <summary>Elements of y.</summary>
    public long Kept => Part(false);

    /// <summary>True where axis <paramref name="axis"/> is reduced.</summary>
    public bool IsReduced(int axis) => (axis % 2 == 0) == FirstReduced;

    /// <summary>Builds the geometry from a shape and a flag for each axis.</summary>
    /// <exception cref="ArgumentException">More than <see cref="Axes.Most"/> axes remain after merging.</exception>
    public static ReduceGeometry Of(ReduceFormula formula, ReadOnlySpan<int> shape, ReadOnlySpan<bool> reduced)
    {
        Span<long> extents = stackalloc long[shape.Length];
        bool first = false, last = false;
        int used = 0;
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] == 1)
                continue;
            if (used > 0 && reduced[i] == last)
            {
                extents[used - 1] *= shape[i];
                continue;
            }
            if (used == 0)
                first = reduced[i];
            last = reduced[i];
            extents[used++] = shape[i];
        }
        if (used > Axes.Most)
            throw new ArgumentException($"Kept and reduced axes alternate {used} times; at most {Axes.Most} are supported. Reshape or permute first.");
        return new(formula, Axes.From(extents[..used]), first);
    }

    /// <summary>Strides of y along the axes of x: 0 where reduced.</summary>
    internal Axes OutputStrides()
    {
        Span<long> strides = stackalloc long[Extents.Rank];
        long next = 1;
        for (int i = Extents.Rank - 1; i >= 0; i--)
        {
            strides[i] = IsReduced(i) ? 0 : next;
            if (!IsReduced(i))
                next *= Extents[i];
        }
        return Axes.From(strides);
    }

    private long Part(bool reduced)
    {
        long product = 1;
        for (int i = 0; i < Extents.Rank; i++)
            product *= IsReduced(i) == reduced ? Extents[i] : 1;
        return product;
    }
}

namespace Graft.Kernels;

/// <summary>Up to six extents or strides, by value, so that a geometry record stays comparable and needs no allocation.</summary>
/// <param name="Rank">How many are used.</param>
/// <param name="D0">The first (outermost).</param>
/// <param name="D1">The second.</param>
/// <param name="D2">The third.</param>
/// <param name="D3">The fourth.</param>
/// <param name="D4">The fifth.</param>
/// <param name="D5">The sixth.</param>
public readonly record struct Axes(int Rank, long D0 = 0, long D1 = 0, long D2 = 0, long D3 = 0, long D4 = 0, long D5 = 0)
{
    /// <summary>The most axes that fit.</summary>
    public const int Most = 6;

    /// <summary>Number <paramref name="axis"/>, from 0.</summary>
    public long this[int axis] => axis switch
    {
        0 => D0,
        1 => D1,
        2 => D2,
        3 => D3,
        4 => D4,
        5 => D5,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, $"There are {Rank} axes."),
    };

    /// <summary>The product of all: the number of elements, where these are extents.</summary>
    public long Product
    {
        get
        {
            long product = 1;
            for (int i = 0; i < Rank; i++)
                product *= this[i];
            return product;
        }
    }

    /// <summary>Takes the numbers of a span of at most <see cref="Most"/>.</summary>
    public static Axes From(ReadOnlySpan<long> values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(values.Length, Most);
        Span<long> all = stackalloc long[Most];
        all.Clear();
        values.CopyTo(all);
        return new(values.Length, all[0], all[1], all[2], all[3], all[4], all[5]);
    }

    /// <summary>Offset of element <paramref name="index"/> of a row-major array of these extents, in an array with other strides.</summary>
    internal long Offset(long index, in Axes strides)
    {
        long offset = 0;
        for (int i = Rank - 1; i >= 0; i--)
        {
            long extent = this[i];
            offset += index % extent * strides[i];
            index /= extent;
        }
        return offset;
    }
}

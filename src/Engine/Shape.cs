using System.Collections;

namespace Graft;

/// <summary>The extent of each axis of a tensor, row-major: the last axis is contiguous.</summary>
/// <remarks>Images are [N,H,W,C]. A shape without axes is a scalar and holds one element.</remarks>
public sealed class Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    private readonly int[] _dims;

    /// <summary>Makes a shape from its extents; an extent may be 0, never negative: there is none that is open.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An extent is negative.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        foreach (int d in dims)
        {
            if (d < 0)
                throw new ArgumentOutOfRangeException(nameof(dims), d, $"The extents {string.Join(',', dims.ToArray())} are no shape: each is 0 or more, and none is left open. The shape of a sample has no batch axis.");
        }
        _dims = dims.ToArray();
    }

    /// <summary>The shape of a single number.</summary>
    public static Shape Scalar { get; } = new();

    /// <summary>Number of axes.</summary>
    public int Rank => _dims.Length;

    /// <summary>Number of elements: the product of all extents.</summary>
    public long Count
    {
        get
        {
            long n = 1;
            foreach (int d in _dims)
                n = checked(n * d);
            return n;
        }
    }

    /// <summary>Extent of one axis; negative axes count from the end.</summary>
    public int this[int axis] => _dims[axis < 0 ? axis + _dims.Length : axis];

    int IReadOnlyCollection<int>.Count => _dims.Length;

    /// <summary>The extents.</summary>
    public ReadOnlySpan<int> Dims => _dims;

    /// <summary>The same shape with another first extent: another batch size.</summary>
    public Shape WithBatch(int batch)
    {
        int[] dims = (int[])_dims.Clone();
        dims[0] = batch;
        return new Shape(dims);
    }

    /// <summary>The shape with a batch axis put in front: [H,W,C] to [N,H,W,C].</summary>
    public Shape Prepend(int extent) => new([extent, .. _dims]);

    /// <summary>The shape without its first axis: [N,H,W,C] to [H,W,C].</summary>
    public Shape Tail() => new(_dims.AsSpan(1));

    /// <inheritdoc/>
    public bool Equals(Shape? other) => other is not null && _dims.AsSpan().SequenceEqual(other._dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Shape);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int d in _dims)
            hash.Add(d);
        return hash.ToHashCode();
    }

    /// <summary>The extents in brackets: "[32,150,150,3]".</summary>
    public override string ToString() => $"[{string.Join(',', _dims)}]";

    IEnumerator<int> IEnumerable<int>.GetEnumerator() => ((IEnumerable<int>)_dims).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _dims.GetEnumerator();
}

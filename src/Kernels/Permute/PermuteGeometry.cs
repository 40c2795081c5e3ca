namespace Graft.Kernels;

/// <summary>Axes in another order: y [Extents], whose neighbours along each axis lie Strides apart in x.</summary>
/// <param name="Extents">Extents of y, axes that stay neighbours merged.</param>
/// <param name="Strides">Strides of x along the axes of y.</param>
public readonly record struct PermuteGeometry(Axes Extents, Axes Strides)
{
    /// <summary>Builds the geometry: axis i of y is axis order[i] of x.</summary>
    /// <exception cref="ArgumentException">More than <see cref="Axes.Most"/> axes remain after merging.</exception>
    public static PermuteGeometry Of(ReadOnlySpan<int> shape, ReadOnlySpan<int> order)
    {
        var inStrides = new long[shape.Length];
        long next = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            inStrides[i] = next;
            next *= shape[i];
        }
        var extents = new long[shape.Length];
        var strides = new long[shape.Length];
        int used = 0;
        foreach (int axis in order)
        {
            if (shape[axis] == 1)
                continue;
            if (used > 0 && strides[used - 1] == inStrides[axis] * shape[axis])
            {
                extents[used - 1] *= shape[axis];
                strides[used - 1] = inStrides[axis];
                continue;
            }
            (extents[used], strides[used]) = (shape[axis], inStrides[axis]);
            used++;
        }
        if (used > Axes.Most)
            throw new ArgumentException($"The order moves {used} axes; at most {Axes.Most} are supported. Reshape to fewer axes.");
        return new(Axes.From(extents.AsSpan(0, used)), Axes.From(strides.AsSpan(0, used)));
    }
}

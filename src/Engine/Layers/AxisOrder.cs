using Graft.Ops;

namespace Graft.Layers;

/// <summary>An order of axes with some of them last, for ops that work on the last axis.</summary>
/// <param name="Order">For each new axis, the old one.</param>
internal sealed record AxisOrder(int[] Order)
{
    /// <summary>True where nothing moves.</summary>
    public bool IsIdentity => Order.Order().SequenceEqual(Order);

    /// <summary>Brings the axes into this order.</summary>
    public PermuteOp There => new(Order);

    /// <summary>Brings them back.</summary>
    public PermuteOp Back => new([.. Enumerable.Range(0, Order.Length).Select(axis => Array.IndexOf(Order, axis))]);

    /// <summary>The given axes (from 0) last, in ascending order, and the others before them.</summary>
    public static AxisOrder Last(int rank, int[] axes) => new([.. Enumerable.Range(0, rank).Except(axes), .. axes.Order()]);

    /// <summary>Axes of a sample's shape, counted with the batch axis as 0 or from the end, as numbers from 1 on.</summary>
    /// <exception cref="ShapeException">An axis is not there or is the batch axis.</exception>
    public static int[] Resolve(Shape sample, IEnumerable<int> axes)
    {
        int rank = sample.Rank + 1;
        int[] resolved = [.. axes.Select(a => a < 0 ? a + rank : a)];
        return resolved.Length > 0 && resolved.Distinct().Count() == resolved.Length && Array.TrueForAll(resolved, a => a >= 1 && a < rank) ? resolved
            : throw new ShapeException($"the axes ({string.Join(',', axes)}) are not different ones of 1 to {rank - 1}, the axes of {sample} behind the batch axis.");
    }
}

namespace Graft.Importers.Onnx;

/// <summary>Orders of a tensor's axes: axis i of the ONNX tensor is axis order[i] of the model's.</summary>
internal static class OnnxAxes
{
    /// <summary>The model's own.</summary>
    public static int[] Identity(int rank) => [.. Enumerable.Range(0, rank)];

    /// <summary>[N,H,W,C] as [N,C,H,W], and likewise for other ranks from 3 on.</summary>
    public static int[] ChannelsFirst(int rank) => rank < 3 ? Identity(rank) : [0, rank - 1, .. Enumerable.Range(1, rank - 2)];

    /// <summary>True for the model's own order.</summary>
    public static bool IsIdentity(ReadOnlySpan<int> order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            if (order[i] != i)
                return false;
        }
        return true;
    }

    /// <summary>What leads from one order to another: axis i of the result is axis perm[i] of what is given.</summary>
    public static int[] Between(int[] from, int[] to) => Array.ConvertAll(to, axis => Array.IndexOf(from, axis));

    /// <summary>Values of the model's axes in an order.</summary>
    public static T[] Arrange<T>(IReadOnlyList<T> ofAxes, int[] order) => Array.ConvertAll(order, axis => ofAxes[axis]);
}

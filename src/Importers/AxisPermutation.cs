namespace Graft.Importers;

/// <summary>Arrays of a file in another order of their axes, on the host.</summary>
internal static class AxisPermutation
{
    /// <summary>The numbers in the new order: axis i of the result is axis order[i] of what is given.</summary>
    public static float[] Of(float[] values, Shape shape, int[] order)
    {
        int rank = order.Length;
        var strides = new int[rank];
        for (int i = rank - 1, stride = 1; i >= 0; stride *= shape[i], i--)
            strides[i] = stride;
        var result = new float[values.Length];
        var index = new int[rank];
        for (int i = 0, from = 0; i < result.Length; i++)
        {
            result[i] = values[from];
            for (int axis = rank - 1; axis >= 0; axis--) // count up in the result's order
            {
                from += strides[order[axis]];
                if (++index[axis] < shape[order[axis]])
                    break;
                from -= index[axis] * strides[order[axis]];
                index[axis] = 0;
            }
        }
        return result;
    }
}

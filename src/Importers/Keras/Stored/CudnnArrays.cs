namespace Graft.Importers.Keras.Stored;

/// <summary>Weights of CuDNNLSTM and CuDNNGRU, as cuDNN lays them out, in the order of LSTM and of GRU with reset_after.</summary>
/// <remarks>Keras 2's _convert_rnn_weights: kernels are read by columns, recurrent kernels transposed, both gate by gate; LSTM adds its two biases.</remarks>
internal static class CudnnArrays
{
    /// <summary>Kernel, recurrent kernel, bias.</summary>
    public static IReadOnlyList<StoredArray> Converted(string kind, IReadOnlyList<StoredArray> arrays)
    {
        if (arrays.Count != 3)
            return arrays;
        int units = arrays[1].Shape[0], gates = kind == "CuDNNLSTM" ? 4 : 3;
        StoredArray kernel = arrays[0] with { Read = () => ByColumns(arrays[0].Read(), arrays[0].Shape[0], units, gates) };
        StoredArray recurrent = arrays[1] with { Read = () => ByColumns(arrays[1].Read(), units, units, gates) };
        StoredArray bias = kind == "CuDNNLSTM"
            ? arrays[2] with { Shape = new Shape(units * gates), Read = () => Summed(arrays[2].Read(), units * gates) }
            : arrays[2].Reshaped(new Shape(2, units * gates));
        return [kernel, recurrent, bias];
    }

    // Each gate's [rows,units] was filled by columns: element (r,u) is the (u rows + r)-th of the block, read by rows.
    private static float[] ByColumns(float[] values, int rows, int units, int gates)
    {
        var result = new float[values.Length];
        for (int gate = 0; gate < gates; gate++)
        {
            for (int i = 0; i < rows * units; i++)
            {
                int fromRow = i / units, fromColumn = i % units, toRow = i % rows, toColumn = i / rows;
                result[(toRow * gates + gate) * units + toColumn] = values[(fromRow * gates + gate) * units + fromColumn];
            }
        }
        return result;
    }

    private static float[] Summed(float[] values, int count) => [.. Enumerable.Range(0, count).Select(i => values[i] + values[count + i])];
}

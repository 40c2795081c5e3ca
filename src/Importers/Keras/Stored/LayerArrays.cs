using Graft.Importers.Keras.Architecture;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Keras.Stored;

/// <summary>Arrays of a layer as Keras 2 and 3 with TensorFlow would have stored them, whoever did: what Keras's preprocess_weights_for_loading does.</summary>
internal static class LayerArrays
{
    private static readonly string[] s_turnedByTheano = ["Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"];

    /// <summary>Converts the arrays of one layer.</summary>
    public static IReadOnlyList<StoredArray> Converted(KerasBuiltLayer layer, IReadOnlyList<StoredArray> arrays, int generation, bool isTheano)
    {
        if (layer.Config is not { } config)
            return arrays;
        return Converted(KerasLayers.Plain(config.ClassName), config, arrays, generation, isTheano);
    }

    /// <summary>How a parameter is laid out in a file.</summary>
    public static WeightLayout LayoutOf(Parameter parameter) => parameter switch
    {
        { Name: "kernel", Layer: Conv1D or Conv2D or Conv3D or Conv1DTranspose or Conv2DTranspose or Conv3DTranspose }
            or { Name: "kernel" or "recurrent_kernel", Layer: ConvLSTM } or { Name: "pointwise_kernel" } => WeightLayout.ConvHwio,
        _ => WeightLayout.Same,
    };

    private static IReadOnlyList<StoredArray> Converted(string kind, KerasLayerConfig config, IReadOnlyList<StoredArray> arrays, int generation, bool isTheano)
    {
        if (kind == "Bidirectional") // forward, then backward
        {
            KerasLayerConfig inner = config.Inner("layer");
            int half = arrays.Count / 2;
            return [.. Converted(KerasLayers.Plain(inner.ClassName), inner, [.. arrays.Take(half)], generation, isTheano), .. Converted(KerasLayers.Plain(inner.ClassName), inner, [.. arrays.Skip(half)], generation, isTheano)];
        }
        if (kind == "TimeDistributed")
        {
            KerasLayerConfig inner = config.Inner("layer");
            return Converted(KerasLayers.Plain(inner.ClassName), inner, arrays, generation, isTheano);
        }
        if (kind == "Normalization" && arrays.Count == 2) // how many samples it has seen is a whole number, and none of a weight's
            return [.. arrays, new StoredArray("count", "count", Shape.Scalar, () => [0])];
        if (generation == 1)
            arrays = OfKeras1(kind, config, arrays);
        if (isTheano && s_turnedByTheano.Contains(kind) && arrays.Count > 0)
            arrays = [.. arrays.Select((a, i) => i == 0 || (i == 1 && kind == "ConvLSTM2D") ? a.Rotated() : a)];
        if (kind is "LocallyConnected1D" or "LocallyConnected2D" && config.ChannelsFirst)
            return Local(config, arrays);
        return config.ClassName.StartsWith("CuDNN", StringComparison.Ordinal) ? CudnnArrays.Converted(config.ClassName, arrays) : arrays;
    }

    private static IReadOnlyList<StoredArray> OfKeras1(string kind, KerasLayerConfig config, IReadOnlyList<StoredArray> arrays) => kind switch
    {
        "Conv1D" when arrays[0].Shape.Rank == 4 => [LineKernel(arrays[0], config.Extents("kernel_size", 1)[0], config.Integer("filters")), .. arrays.Skip(1)],
        "Conv2D" when config.ChannelsFirst => [arrays[0].Transposed(2, 3, 1, 0), .. arrays.Skip(1)], // [O,I,R,S]
        "Conv2DTranspose" => [config.ChannelsFirst ? arrays[0].Transposed(2, 3, 0, 1) : arrays[0].Transposed(0, 1, 3, 2), .. arrays.Skip(1)],
        "Conv3D" when config.ChannelsFirst => [arrays[0].Transposed(2, 3, 4, 1, 0), .. arrays.Skip(1)],
        "LSTM" when arrays.Count == 12 => Gates(arrays, [0, 6, 3, 9]), // i, c, f, o in the file; i, f, c, o here
        "GRU" when arrays.Count == 9 => Gates(arrays, [0, 3, 6]),
        "ConvLSTM2D" when arrays.Count == 12 => Gates(config.ChannelsFirst ? [.. arrays.Select(a => a.Shape.Rank == 4 ? a.Transposed(2, 3, 1, 0) : a)] : arrays, [0, 6, 3, 9]),
        _ => arrays,
    };

    // [places,C·taps,F] with the channels before the taps. Keras's bias_add reads the bias [places,F] as [F,places].
    private static StoredArray[] Local(KerasLayerConfig config, IReadOnlyList<StoredArray> arrays)
    {
        int taps = config.Integers("kernel_size").Aggregate(1, (a, b) => a * b) is var all && config.ClassName == "LocallyConnected2D" && config.Integers("kernel_size").Length == 1 ? all * all : all;
        Shape kernel = arrays[0].Shape;
        StoredArray first = arrays[0].Reshaped(new Shape(kernel[0], kernel[1] / taps, taps, kernel[2])).Transposed(0, 2, 1, 3).Reshaped(kernel);
        if (arrays.Count == 1)
            return [first];
        Shape bias = arrays[1].Shape;
        int filters = bias[-1], places = checked((int)(bias.Count / filters));
        return [first, arrays[1].Reshaped(new Shape(filters, places)).Transposed(1, 0).Reshaped(bias)];
    }

    // [R,1,I,O], or [O,I,R,1] in the oldest files
    private static StoredArray LineKernel(StoredArray array, int length, int filters)
    {
        Shape s = array.Shape;
        StoredArray kernel = s[0] == length && s[1] == 1 && s[3] == filters ? array : array.Transposed(2, 3, 1, 0);
        return kernel.Reshaped(new Shape(kernel.Shape[0], kernel.Shape[2], kernel.Shape[3]));
    }

    // W, U and b of each gate, gate by gate
    private static StoredArray[] Gates(IReadOnlyList<StoredArray> arrays, int[] first) =>
        [.. Enumerable.Range(0, 3).Select(part => StoredArray.Joined([.. first.Select(gate => arrays[gate + part])]))];
}

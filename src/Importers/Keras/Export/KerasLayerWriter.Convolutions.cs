using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Export;

/// <content>Convolutions, pools and what has a window, over sequences, images and volumes.</content>
internal sealed partial class KerasLayerWriter
{
    // Filter, strides and dilation of a layer: a window of two axes for sequences and images, of three for volumes.
    private static (int[] Filter, int[] Strides, int[] Dilation) Window(KerasAttributes a, int rank)
    {
        if (rank == 3)
            return (a.Wholes("filter"), a.Wholes("strides"), a.Wholes("dilation"));
        int[] w = a.Wholes("window"); // rows and columns of the filter, the strides, the dilation
        return rank == 2 ? ([w[0], w[1]], [w[2], w[3]], [w[4], w[5]]) : ([w[1]], [w[3]], [w[5]]);
    }

    private static string Border(KerasAttributes a) => !a.HasOwnBorder ? Lower(a.Text("padding")) : a.Border is { } way ? Lower(way.ToString())
        : throw a.Refuse($"borders of its own, {KerasNumbers.Whole(a.Wholes("padding")).ToJsonString()}", "which Keras's layer has not, and zeros in front of it would change what it gives", "Take Padding.Same or Padding.Valid");

    private static KerasAttributes Windowed(KerasAttributes a, int rank)
    {
        (int[] filter, int[] strides, int[] dilation) = Window(a, rank);
        return a.Set("kernel_size", KerasNumbers.Whole(filter)).Set("strides", KerasNumbers.Whole(strides)).Set("padding", Border(a)).Set("data_format", "channels_last")
            .Set("dilation_rate", KerasNumbers.Whole(dilation));
    }

    private static void Convolution(KerasAttributes a, int rank)
    {
        Windowed(a.Copy("filters"), rank);
        if (a.Has("groups") && (a.Dialect.IsThree || a.Whole("groups") != 1))
            a.Copy("groups");
        if (!a.Has("groups")) // a transposed one
            OutputPadding(a, rank);
        Weights(a.Activation().Copy("use_bias"), "kernel", "kernel_regularizer");
    }

    // Keras 3 works it out of the rest, and cannot be told another.
    private static void OutputPadding(KerasAttributes a, int rank)
    {
        if (!a.Has("output_padding"))
        {
            a.InTwo("output_padding", null);
            return;
        }
        if (a.Dialect.IsThree)
            throw a.Refuse("an output padding of its own", "which Keras 3 does not keep in its files", "Export as keras-h5");
        a.Set("output_padding", KerasNumbers.Whole(rank == 1 ? [a.Whole("output_padding")] : a.Wholes("output_padding")));
    }

    private static void Depthwise(KerasAttributes a, int rank) =>
        Weights(Windowed(a.Copy("depth_multiplier"), rank).Activation().Copy("use_bias"), "depthwise", "kernel_regularizer");

    private static void Separable(KerasAttributes a, int rank)
    {
        Windowed(a.Copy("depth_multiplier", "filters"), rank).Activation().Copy("use_bias");
        a.Initializer("pointwise_initializer", "GlorotUniform").Regularizer("pointwise_regularizer").None("pointwise_constraint");
        Weights(a, "depthwise", "depthwise_regularizer");
    }

    private static void Local(KerasAttributes a, int rank)
    {
        (int[] filter, int[] strides, _) = Window(a, rank);
        a.Copy("filters").Set("kernel_size", KerasNumbers.Whole(filter)).Set("strides", KerasNumbers.Whole(strides)).Set("padding", Border(a)).Set("data_format", "channels_last");
        Weights(a.Activation().Copy("use_bias"), "kernel", "kernel_regularizer").Set("implementation", 1); // a kernel for each place
    }

    /// <summary>How a kernel and a bias begin, what they cost and what they are kept within.</summary>
    private static KerasAttributes Weights(KerasAttributes a, string kernel, string regularizer) => a
        .Initializer($"{kernel}_initializer", "GlorotUniform").Initializer("bias_initializer", "Zeros")
        .Regularizer($"{kernel}_regularizer", regularizer).Regularizer("bias_regularizer")
        .None("activity_regularizer", $"{kernel}_constraint", "bias_constraint");

    private static void Dense(KerasAttributes a)
    {
        Weights(a.Copy("units").Activation().Copy("use_bias"), "kernel", "kernel_regularizer");
        if (a.Dialect.IsThree)
            a.Json.Remove("activity_regularizer");
    }

    private static void Pool(KerasAttributes a, int rank)
    {
        (int[] pool, int[] strides, _) = Window(a, rank);
        a.Set("pool_size", KerasNumbers.Whole(pool)).Set("padding", Border(a)).Set("strides", KerasNumbers.Whole(strides)).Set("data_format", "channels_last");
    }

    private static void GlobalPool(KerasAttributes a)
    {
        a.Set("data_format", "channels_last");
        if (a.Dialect.IsThree || a.Flag("keepdims"))
            a.Copy("keepdims");
    }

    // [top, bottom, left, right], or with front and back before them: pairs.
    private static void Borders(KerasAttributes a, string name) =>
        a.Set(name, new JsonArray([.. a.Wholes("border").Chunk(2).Select(pair => (JsonNode)KerasNumbers.Whole(pair))])).Set("data_format", "channels_last");

    private static void RecurrentConvolution(KerasAttributes a, int rank)
    {
        Windowed(Loop(a).Copy("filters"), rank);
        RecurrentWeights(a.Activation().Activation("recurrent_activation").Copy("use_bias", "unit_forget_bias")).Number("dropout").Number("recurrent_dropout").InThree("seed", null);
    }
}

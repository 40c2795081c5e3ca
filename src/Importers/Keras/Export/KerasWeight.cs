using Graft.Importers.Keras.Stored;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Keras.Export;

/// <summary>A weight of a layer as Keras has it: its name there, and how it lies in the file.</summary>
/// <param name="Path">Names of what stands between the layer and the weight, and the weight's: "kernel", "forward_lstm/kernel".</param>
/// <param name="Parameter">The numbers.</param>
internal sealed record KerasWeight(string Path, Parameter Parameter)
{
    /// <summary>True where Keras counts it among what is trained: whether its layer is frozen, not whether it is by itself.</summary>
    public bool IsTrained => !Parameter.IsStatistic && Parameter.Layer.Trainable;

    /// <summary>True for the number of samples that a Normalization has seen, which is a whole number there.</summary>
    private bool IsCount => Parameter is { Name: "count", Layer: Normalization };

    /// <summary>Its extents in the file.</summary>
    public Shape FileShape => Name.FileShape(Parameter.Shape);

    private WeightName Name => new(Path, LayerArrays.LayoutOf(Parameter));

    /// <summary>The weights of a layer and of what is in it, in Keras's order.</summary>
    public static IEnumerable<KerasWeight> Of(KerasDialect dialect, Layer layer) => Of(dialect, layer, "");

    /// <summary>Numbers of the parameter's shape, its own or an optimizer's, as they lie in the file.</summary>
    public Hdf5.Hdf5Array Array(Func<float[]> read) => Hdf5.Hdf5Array.Of(FileShape, () => Name.ToFile(read(), Parameter.Shape));

    /// <summary>The weight's own numbers.</summary>
    /// <param name="isLong">True where whole numbers have 64 bits.</param>
    public Hdf5.Hdf5Array Array(bool isLong)
    {
        if (!IsCount)
            return Array(Parameter.Value.ToArray);
        int count = (int)Parameter.Value.ToArray()[0];
        return isLong ? Hdf5.Hdf5Array.Of((long)count) : Hdf5.Hdf5Array.Of(count);
    }

    private static IEnumerable<KerasWeight> Of(KerasDialect dialect, Layer layer, string outer)
    {
        if (layer is Model model)
            return KerasOrder.Of(model).SelectMany(l => Of(dialect, l, $"{outer}{dialect.NameOf(l)}/"));
        if (layer.Inner.Count > 0)
            return layer.Inner.SelectMany(l => Of(dialect, l, $"{outer}{dialect.NameOf(l)}/"));
        return layer.Parameters.Select(p => new KerasWeight(outer + (p is { Name: "kernel", Layer: DepthwiseConv1D or DepthwiseConv2D } ? "depthwise_kernel" : p.Name), p));
    }
}

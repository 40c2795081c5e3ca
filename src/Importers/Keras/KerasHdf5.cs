using Graft.Layers;
using Graft.Weights;
using PureHDF;

namespace Graft.Importers.Keras;

/// <summary>The weights of a Keras file, by layer: HDF5 of Keras 1 and 2, ".weights.h5" and ".keras" of Keras 3.</summary>
/// <remarks>
/// Whatever the file calls them, arrays are named by their path here: "block1_conv1/kernel", "bn_conv1/moving_mean", and in nested models
/// "vgg16/block1_conv1/kernel". Where the file numbers the arrays of a layer (".weights.h5", ".keras", some of Keras 1) it is "layer/0".
/// Convolution kernels stay [R,S,I,O] and are converted by the loader; those of files from the Theano backend, which are true
/// convolutions, are rotated by 180 degrees on reading. Arrays of whole numbers (counters, random states) are no weights and left out.
/// </remarks>
public sealed class KerasHdf5 : WeightFile
{
    private readonly Hdf5Source _source;
    private readonly Dictionary<string, KerasArray> _arrays;
    private readonly HashSet<string> _leaves;

    private KerasHdf5(Hdf5Source source, KerasCatalog catalog)
    {
        _source = source;
        _arrays = catalog.Arrays;
        _leaves = catalog.Leaves;
        IsNumbered = catalog.IsNumbered;
        Backend = catalog.Backend;
        KerasVersion = catalog.KerasVersion;
    }

    /// <inheritdoc/>
    public override string Source => _source.Path;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _arrays.Keys;

    /// <summary>True where the file numbers the arrays of a layer (Keras 3) instead of naming them.</summary>
    public bool IsNumbered { get; }

    /// <summary>"tensorflow", "theano", ...; null where the file does not say (Keras 1).</summary>
    public string? Backend { get; }

    /// <summary>Version of Keras that wrote the file; null where it does not say (Keras 1).</summary>
    public string? KerasVersion { get; }

    /// <summary>Reads the names of a file; the numbers are read when they are asked for.</summary>
    /// <exception cref="GraftException">The file is missing, empty, truncated, not HDF5, or HDF5 that Keras did not write.</exception>
    public static KerasHdf5 Open(string path) => FileErrors.Named(path, "cannot be read as weights of Keras", () =>
    {
        Hdf5Source source = Hdf5Source.Open(path);
        return source.Read(root => new KerasHdf5(source, KerasCatalog.Of(root, source)));
    });

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _arrays[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name)
    {
        KerasArray array = _arrays[name];
        float[] values = _source.Read(root => Hdf5Source.ReadFloats(root.Dataset(array.Path), _source.Path));
        if (array.Rotated)
            Rotate(values, array.Shape);
        return values;
    }

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter)
    {
        bool depthwise = parameter is { Name: "kernel", Layer: DepthwiseConv2D };
        string named = $"{layer}/{(depthwise ? "depthwise_kernel" : parameter.Name)}", plain = $"{layer}/{parameter.Name}", numbered = $"{layer}/{parameter.Position}";
        string name = Array.Find([named, plain, numbered], n => _arrays.ContainsKey(n) || _leaves.Contains(n)) ?? (IsNumbered ? numbered : named);
        bool outputsLast = !depthwise && parameter is { Name: "kernel" or "pointwise_kernel", Shape.Rank: 4 };
        return new WeightName(name, outputsLast ? WeightLayout.ConvHwio : WeightLayout.Same);
    }

    /// <summary>[R,S,I,O] turned by 180 degrees in space: the pixels in reverse order.</summary>
    internal static void Rotate(float[] values, Shape shape)
    {
        int pair = shape[-1] * shape[-2], pixels = values.Length / Math.Max(1, pair);
        for (int p = 0; p < pixels / 2; p++)
        {
            Span<float> front = values.AsSpan(p * pair, pair), back = values.AsSpan((pixels - 1 - p) * pair, pair);
            for (int i = 0; i < pair; i++)
                (front[i], back[i]) = (back[i], front[i]);
        }
    }
}

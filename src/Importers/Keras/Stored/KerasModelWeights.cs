using Graft.Importers.Keras.Architecture;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Keras.Stored;

/// <summary>The weights of a model that was built from a Keras file, each array under the path of the parameter it is for.</summary>
/// <remarks>So that <see cref="WeightLoader"/> checks shapes and numbers, and lists all that does not fit at once, as for every other file.</remarks>
internal sealed class KerasModelWeights : WeightFile
{
    private readonly Dictionary<string, StoredArray> _arrays = [];
    private readonly Dictionary<Parameter, WeightName> _names = [];
    private readonly int _generation;
    private readonly bool _isTheano;

    /// <summary>Finds the array of every parameter.</summary>
    /// <exception cref="GraftException">Layers and arrays do not go together.</exception>
    public KerasModelWeights(string source, KerasStoredWeights stored, IReadOnlyList<KerasBuiltLayer> layers, int generation)
    {
        (Source, _generation, _isTheano) = (source, generation, stored.IsTheano);
        Raw = stored.Assign(layers);
        foreach ((KerasBuiltLayer layer, IReadOnlyList<StoredArray> arrays) in Raw)
            Take(layer, Converted(layer, arrays));
    }

    /// <summary>The layers in the model's order, with their arrays as the file has them.</summary>
    public IReadOnlyList<(KerasBuiltLayer Layer, IReadOnlyList<StoredArray> Arrays)> Raw { get; }

    /// <summary>Arrays of a layer, its weights or their slots, as Keras 2 and 3 with TensorFlow store them.</summary>
    public IReadOnlyList<StoredArray> Converted(KerasBuiltLayer layer, IReadOnlyList<StoredArray> arrays) => LayerArrays.Converted(layer, arrays, _generation, _isTheano);

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _arrays.Keys;

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _arrays[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _arrays[name].Read();

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => _names.TryGetValue(parameter, out WeightName? name) ? name : new WeightName($"{layer}/{parameter.Name}");

    private void Take(KerasBuiltLayer layer, IReadOnlyList<StoredArray> arrays)
    {
        IReadOnlyList<Parameter> parameters = layer.Layer!.Parameters;
        if (parameters.Count != arrays.Count)
        {
            throw new GraftException($"{Source}: layer '{layer.Path}' ({layer.Spec.ClassName}) has {arrays.Count} arrays in the file ({string.Join(", ", arrays.Select(a => $"{a.Path} {a.Shape}"))}), "
                + $"but its attributes ask for {parameters.Count} ({string.Join(", ", parameters.Select(p => $"{p.Name} {p.Shape}"))}). The weights are of another model, or the layer's attributes were changed.");
        }
        for (int i = 0; i < arrays.Count; i++)
        {
            string name = $"{layer.Path}/{arrays[i].Path}";
            _arrays[name] = arrays[i];
            _names[parameters[i]] = new WeightName(name, LayerArrays.LayoutOf(parameters[i]));
        }
    }
}

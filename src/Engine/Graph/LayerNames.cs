using System.Text;
using Graft.Layers;

namespace Graft;

/// <summary>
/// Gives unnamed layers the names Keras gives: the class in snake case, then _1, _2 within the model. A model inside that has the name all models begin with is
/// numbered in the same way, once: who looks for a layer finds it under its name in every graph that it is in.
/// </summary>
internal sealed class LayerNames
{
    private readonly Dictionary<string, Layer> _taken = [];
    private readonly Dictionary<string, int> _next = [];

    /// <summary>Names the layers of a graph: those that have a name keep it, wherever in the graph they are.</summary>
    /// <exception cref="GraftException">Two of them have the same.</exception>
    public void Add(IReadOnlyCollection<Layer> layers)
    {
        foreach (Layer layer in layers.Where(l => !l.IsUnnamed))
            Take(layer);
        foreach (Layer layer in layers.Where(l => l.IsUnnamed))
            Add(layer);
    }

    /// <summary>Names one layer.</summary>
    /// <exception cref="GraftException">Its name is taken.</exception>
    public void Add(Layer layer)
    {
        if (layer.IsUnnamed)
            layer.Name = Free(Of(layer));
        Take(layer);
    }

    private void Take(Layer layer)
    {
        if (!_taken.TryAdd(layer.Name, layer))
            throw new GraftException($"Two layers are named '{layer.Name}'; names are unique within a model. " + (layer.IsInGraph && _taken[layer.Name].IsInGraph
                ? "Both are of models that are there already: before joining them rename the layers of one, foreach (Layer layer in other.Layers) layer.Name = $\"other_{layer.Name}\"; or put it in as one layer, other.Apply(node), which keeps names apart."
                : "Give one of them another Name."));
        layer.IsInGraph = true;
    }

    /// <summary>The name of a layer, or the one that the first layer of its class gets.</summary>
    public static string Of(Layer layer) => layer.Name.Length > 0 ? layer.Name : SnakeCase(layer.ClassName);

    private string Free(string stem)
    {
        while (true)
        {
            int n = _next.GetValueOrDefault(stem);
            _next[stem] = n + 1;
            string name = n == 0 ? stem : $"{stem}_{n}";
            if (!_taken.ContainsKey(name))
                return name;
        }
    }

    // GlobalAveragePooling2D -> global_average_pooling2d, ReLU -> re_lu: Keras's to_snake_case.
    private static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            bool starts = char.IsUpper(name[i]) && i > 0 &&
                (char.IsLower(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]) && !char.IsDigit(name[i - 1])));
            if (starts)
                text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }
}

using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>The order that Keras itself gives the layers of a graph: the order of weights in its files, and of an optimizer's slots.</summary>
/// <remarks>
/// keras.src.ops.function.map_graph, and Network._map_graph_network of Keras 2: by depth, that is the longest way to an output, then in the order in which the
/// outputs lead to them. Keras counts anew when it reads a file, and goes by place.
/// </remarks>
internal static class KerasOrder
{
    /// <summary>Whether Keras has it as a Sequential, which takes each layer once.</summary>
    public static bool IsSequential(Layer layer) => layer is Sequential model && model.Layers.Count == model.Nodes.Count;

    /// <summary>The layers of a model, without those inside nested models.</summary>
    public static IReadOnlyList<Layer> Of(Model model)
    {
        if (IsSequential(model))
            return [.. model.Layers.Where(l => l is not InputLayer)];
        var found = new Dictionary<Layer, int>();
        var finished = new List<Node>();
        var seen = new HashSet<Node>();
        foreach (Node output in model.Outputs)
            Visit(output.First, found, seen, finished);
        var depths = new Dictionary<Node, int>();
        var layerDepths = new Dictionary<Layer, int>();
        foreach (Node node in Enumerable.Reverse(finished))
        {
            int depth = Math.Max(depths.GetValueOrDefault(node), layerDepths.GetValueOrDefault(node.Layer));
            depths[node] = layerDepths[node.Layer] = depth;
            foreach (Node input in node.Inputs.Select(i => i.First))
                depths[input] = Math.Max(depth + 1, depths.GetValueOrDefault(input));
        }
        foreach (Layer unread in model.Inputs.Select(i => i.Layer).Where(l => !layerDepths.ContainsKey(l)))
            (layerDepths[unread], found[unread]) = (0, -1);
        return [.. layerDepths.Keys.OrderByDescending(l => layerDepths[l]).ThenBy(l => found[l])];
    }

    /// <summary>The uses of each layer in the order in which they are written, which is that of the graph.</summary>
    public static ILookup<Layer, Node> Uses(Model model) => model.Nodes.Where(n => n.Layer is not InputLayer).ToLookup(n => n.Layer);

    /// <summary>All layers with parameters of their own or of what they wrap, those of nested models in their place.</summary>
    public static IEnumerable<Layer> Leaves(Model model) => Of(model).SelectMany(l => l is Model inner ? Leaves(inner) : l is TimeDistributed { Layer: Model each } ? Leaves(each) : [l]);

    private static void Visit(Node node, Dictionary<Layer, int> found, HashSet<Node> seen, List<Node> finished)
    {
        if (!seen.Add(node))
            return;
        found.TryAdd(node.Layer, found.Count);
        foreach (Node input in node.Inputs)
            Visit(input.First, found, seen, finished);
        finished.Add(node);
    }
}

using Graft.Layers;

namespace Graft;

/// <summary>
/// Lets a model begin in the middle of a graph, as a decoder does that was learned behind its encoder: the node it begins at becomes an input, and the layers behind it are used
/// at new nodes, with the weights that they have.
/// </summary>
internal static class GraphCut
{
    /// <summary>The same computation, with an input in place of each node that is none.</summary>
    public static (Node[] Inputs, Node[] Outputs) Of(Node[] inputs, Node[] outputs)
    {
        if (Array.TrueForAll(inputs, i => i.Layer is InputLayer))
            return (inputs, outputs);
        var known = new Dictionary<Node, Node>();
        foreach (Node input in inputs)
            known.TryAdd(input, input.Layer is InputLayer ? input : Node.Input(input.Shape, NameOf(input)));
        return (Array.ConvertAll(inputs, i => known[i]), Array.ConvertAll(outputs, o => Again(o, known)));
    }

    private static string NameOf(Node node) => node.Layer.Name.Length == 0 ? "" : $"{node.Layer.Name}_output{(node.Index == 0 ? "" : $"_{node.Index}")}";

    private static Node Again(Node node, Dictionary<Node, Node> known)
    {
        if (known.TryGetValue(node, out Node? there))
            return there;
        Node first = node.First;
        Node[] read = [.. first.Inputs.Select(i => Again(i, known))];
        Node again = read.SequenceEqual(first.Inputs) ? first : new Node(first.Layer, read, [.. first.Outputs.Select(o => o.Shape)]);
        for (int i = 0; i < first.Outputs.Count; i++)
            known.TryAdd(first.Outputs[i], again.Outputs[i]); // one of several results may be an input itself
        return known[node];
    }
}

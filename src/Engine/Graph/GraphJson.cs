using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft;

/// <summary>A graph as JSON and back: what a model file holds beside the weights.</summary>
internal static class GraphJson
{
    /// <summary>Writes layers once each, then the nodes that use them.</summary>
    public static void Write(Model model, JsonObject config)
    {
        List<Layer> layers = [.. model.Layers];
        List<Node> nodes = [.. model.Nodes];
        config["sequential"] = model is Sequential;
        config["layers"] = new JsonArray([.. layers.Select(WriteLayer)]);
        config["nodes"] = new JsonArray([.. nodes.Select(n => (JsonNode)new JsonObject
        {
            ["layer"] = layers.IndexOf(n.Layer),
            ["inputs"] = References(nodes, n.Inputs),
        })]);
        config["inputs"] = References(nodes, model.Inputs);
        config["outputs"] = References(nodes, model.Outputs);
    }

    // A node's number; for a result behind the first, [number, place].
    private static JsonArray References(List<Node> nodes, IEnumerable<Node> read) => new([.. read.Select(n =>
    {
        int number = nodes.IndexOf(n.First);
        return n.Index == 0 ? (JsonNode)number : new JsonArray(number, n.Index);
    })]);

    /// <summary>One layer: class, name, flag, attributes, and the parameters that are frozen by themselves.</summary>
    public static JsonNode WriteLayer(Layer layer)
    {
        var config = new JsonObject();
        layer.WriteConfig(config);
        var item = new JsonObject
        {
            ["class"] = layer is Model ? "Model" : layer.ClassName,
            ["name"] = layer.Name,
            ["trainable"] = layer is Model || layer.Trainable,
            ["config"] = config,
        };
        string[] frozen = layer is Model ? [] : [.. layer.Parameters.Where(p => !p.Trainable).Select(p => p.Name)];
        if (frozen.Length > 0)
            item["frozen"] = new JsonArray([.. frozen.Select(n => (JsonNode)n)]);
        return item;
    }

    /// <summary>Builds a graph that <see cref="Write"/> wrote.</summary>
    /// <exception cref="GraftException">A class is unknown or a part is missing.</exception>
    public static Model Read(string name, JsonNode config)
    {
        Layer[] layers = [.. Part(config, "layers").AsArray().Select(l => ReadLayer(l!))];
        Array.ForEach(layers, l => l.Resolve(layers));
        if ((bool)Part(config, "sequential"))
        {
            var model = new Sequential(layers[0].Name, ((InputLayer)layers[0]).SampleShape) { Name = name };
            foreach (Layer layer in layers.Skip(1))
                model.Add(layer);
            return model;
        }
        var nodes = new List<Node>();
        foreach (JsonNode? item in Part(config, "nodes").AsArray())
        {
            Layer layer = layers[(int)Part(item!, "layer")];
            nodes.Add(layer is InputLayer input ? new Node(input, [], input.SampleShape) : layer.Apply([.. Referred(item!, "inputs", nodes)]));
        }
        return new Model(Referred(config, "inputs", nodes), Referred(config, "outputs", nodes), name);
    }

    private static IEnumerable<Node> Referred(JsonNode item, string name, List<Node> nodes) =>
        Part(item, name).AsArray().Select(r => r is JsonArray pair ? nodes[(int)pair[0]!].Outputs[(int)pair[1]!] : nodes[(int)r!]);

    /// <summary>A layer that <see cref="WriteLayer"/> wrote.</summary>
    public static Layer ReadLayer(JsonNode item)
    {
        string kind = (string)Part(item, "class")!, name = (string)Part(item, "name")!;
        JsonNode config = Part(item, "config");
        if (kind == "Model")
            return Read(name, config);
        Layer layer = LayerCatalog.Create(kind, config);
        layer.Name = name;
        if (!(bool)Part(item, "trainable"))
            layer.Trainable = false; // true says of a wrapper that a layer inside is; which, they say themselves
        if (item["frozen"] is JsonArray frozen)
            layer.FrozenParameters = [.. frozen.Select(n => (string)n!)];
        return layer;
    }

    private static JsonNode Part(JsonNode item, string name) =>
        item[name] ?? throw new GraftException($"The graph in this model file has no '{name}' where one is due; the file is damaged or from another program.");
}

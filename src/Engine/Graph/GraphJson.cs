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
    /// <exception cref="GraftException">It is of a class of the user's that is named as one of the engine.</exception>
    public static JsonNode WriteLayer(Layer layer)
    {
        if (layer.IsCustom && LayerCatalog.Knows(layer.ClassName) && layer is not Lambda)
            throw new GraftException($"Layer '{layer.Name}' is of the class {layer.GetType().FullName}, and a model file calls a class of the engine '{layer.ClassName}'; override ClassName with another name.");
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
        if (layer.IsCustom && layer.Inner.Count > 0)
            item["flags"] = WriteFlags(layer);
        return item;
    }

    /// <summary>What is frozen of a layer that makes the layers inside itself, and of those.</summary>
    private static JsonObject WriteFlags(Layer layer) => new()
    {
        ["trainable"] = layer.OwnTrainable,
        ["frozen"] = new JsonArray([.. layer.OwnParameters.Where(p => !p.Trainable).Select(p => (JsonNode)p.Name)]),
        ["inner"] = new JsonArray([.. layer.Inner.Select(WriteFlags)]),
    };

    private static void ReadFlags(Layer layer, JsonNode flags)
    {
        layer.Trainable = (bool)Part(flags, "trainable"); // of all inside, which then say themselves
        layer.FrozenParameters = [.. Part(flags, "frozen").AsArray().Select(n => (string)n!)];
        JsonArray inner = Part(flags, "inner").AsArray();
        if (layer.Inner.Count == 0 && !layer.IsCustom)
            return; // an attention makes its projections when it is built
        if (layer.Inner.Count != inner.Count)
            throw new GraftException($"{layer} has {layer.Inner.Count} layers inside, the saved one had {inner.Count}; its class makes them in its constructor, from its config.");
        foreach ((Layer child, JsonNode? childFlags) in layer.Inner.Zip(inner))
            ReadFlags(child, childFlags!);
    }

    /// <summary>Builds a graph that <see cref="Write"/> wrote.</summary>
    /// <exception cref="GraftException">A class is unknown or a part is missing.</exception>
    public static Model Read(string name, JsonNode config, CustomLayers? custom = null)
    {
        Layer[] layers = [.. Part(config, "layers").AsArray().Select(l => ReadLayer(l!, custom))];
        Array.ForEach(layers, l => l.Resolve(layers));
        if ((bool)Part(config, "sequential"))
        {
            var model = new Sequential(layers[0].Name, ((InputLayer)layers[0]).SampleShape) { Name = name };
            foreach (JsonNode? item in Part(config, "nodes").AsArray().Skip(1))
                model.Add(layers[(int)Part(item!, "layer")]); // one layer may be used several times
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
    /// <exception cref="GraftException">Its class is unknown, or a part is missing.</exception>
    public static Layer ReadLayer(JsonNode item, CustomLayers? custom = null)
    {
        string kind = (string)Part(item, "class")!, name = (string)Part(item, "name")!;
        JsonNode config = Part(item, "config");
        if (kind == "Model")
            return Read(name, config, custom);
        Layer layer = Created(kind, name, config, custom);
        layer.Name = name;
        if (!(bool)Part(item, "trainable"))
            layer.Trainable = false; // true says of a wrapper that a layer inside is; which, they say themselves
        if (item["frozen"] is JsonArray frozen)
            layer.FrozenParameters = [.. frozen.Select(n => (string)n!)];
        if (item["flags"] is { } flags)
            ReadFlags(layer, flags);
        return layer;
    }

    private static Layer Created(string kind, string name, JsonNode config, CustomLayers? custom)
    {
        Layer? layer;
        try
        {
            layer = LayerCatalog.Create(kind, config, custom);
        }
        catch (GraftException e) when (custom is not null && !LayerCatalog.Knows(kind))
        {
            throw new GraftException($"Layer '{name}': {e.Message}. Mend the function, or the config that the class writes.", e);
        }
        return layer ?? throw new GraftException($"Layer '{name}' is of class '{kind}', which is not in this version of the engine{(custom is null ? "" : $" and not among the CustomLayers that were given ({string.Join(", ", custom.Order(StringComparer.Ordinal))})")}. "
            + $"If it is a class of your own, load the file in a program that has it, by ModelFile.Load(path, new CustomLayers {{ {{ \"{kind}\", config => new {kind}(...) }} }}).");
    }

    private static JsonNode Part(JsonNode item, string name) =>
        item[name] ?? throw new GraftException($"The graph in this model file has no '{name}' where one is due; the file is damaged or from another program.");
}

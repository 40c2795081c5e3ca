using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>Writes a model as class_name and config: the JSON of Keras's to_json.</summary>
internal sealed class KerasModelWriter(KerasLayerWriter layers)
{
    private KerasDialect Dialect => layers.Dialect;

    /// <summary>The model and what is in it.</summary>
    /// <exception cref="GraftException">Keras has no such layer, or none with such attributes.</exception>
    public JsonObject Write(Model model)
    {
        CheckNames(model);
        return KerasOrder.IsSequential(model) ? Sequential(model) : Functional(model);
    }

    private void CheckNames(Model model)
    {
        string? twice = model.Layers.GroupBy(Dialect.NameOf).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (twice is not null)
            throw layers.Refuse(model, $"has two layers that Keras 3, which takes no slash in a name, would both call '{twice}'", "Rename one of them");
    }

    private JsonObject Sequential(Model model)
    {
        JsonObject[] inside = [.. model.Nodes.Where(n => n.Layer is not InputLayer).Select(n => Described(n.Layer, n.Inputs))];
        JsonArray Shape() => KerasNumbers.Batched(model.Inputs[0].Shape);
        if (!Dialect.IsThree)
        {
            if (model.Layers.FirstOrDefault(l => l is not InputLayer) is { } and not Model) // a model says itself what it takes
                inside[0]["config"]!["batch_input_shape"] = Shape();
            return new JsonObject { ["class_name"] = "Sequential", ["config"] = new JsonObject { ["name"] = Dialect.NameOf(model), ["layers"] = new JsonArray([.. inside]) } };
        }
        var config = new JsonObject
        {
            ["name"] = Dialect.NameOf(model), ["trainable"] = IsTrainable(model), ["dtype"] = KerasAttributes.Policy(),
            ["layers"] = new JsonArray([layers.Layer(model.Inputs[0].Layer), .. inside]), ["build_input_shape"] = Shape(),
        };
        return Dialect.IsArchive
            ? new JsonObject { ["module"] = "keras", ["class_name"] = "Sequential", ["config"] = config, ["registered_name"] = null, ["build_config"] = new JsonObject { ["input_shape"] = Shape() }, ["compile_config"] = new JsonObject() }
            : new JsonObject { ["class_name"] = "Sequential", ["config"] = config };
    }

    private JsonObject Functional(Model model)
    {
        var config = new JsonObject { ["name"] = Dialect.NameOf(model) };
        if (Dialect.IsThree)
            config["trainable"] = IsTrainable(model);
        ILookup<Layer, Node> uses = KerasOrder.Uses(model);
        config["layers"] = new JsonArray([.. KerasOrder.Of(model).Select(l => (JsonNode)Used(l, [.. uses[l]], uses))]);
        config["input_layers"] = Ends(model.Inputs, uses);
        config["output_layers"] = Ends(model.Outputs, uses);
        if (!Dialect.IsArchive)
            return new JsonObject { ["class_name"] = Dialect.ClassOf(model), ["config"] = config };
        return new JsonObject
        {
            ["module"] = "keras.src.models.functional", ["class_name"] = "Functional", ["config"] = config, ["registered_name"] = "Functional", ["build_config"] = new JsonObject { ["input_shape"] = null },
            ["compile_config"] = new JsonObject(), // Keras has one for every model; that of the outermost says how it is trained
        };
    }

    private JsonObject Used(Layer layer, Node[] nodes, ILookup<Layer, Node> uses)
    {
        JsonObject json = Described(layer, nodes.Length > 0 ? nodes[0].Inputs : []);
        json["name"] = Dialect.NameOf(layer);
        json["inbound_nodes"] = new JsonArray([.. nodes.Select(n => Dialect.IsThree ? (JsonNode)CallOfThree(n, uses) : CallOfTwo(n, uses))]);
        return json;
    }

    /// <summary>A layer, in an archive with the shapes that it was built for.</summary>
    private JsonObject Described(Layer layer, IReadOnlyList<Node> inputs)
    {
        JsonObject json = layers.Layer(layer);
        if (!Dialect.IsArchive || layer is Model || KerasCalls.IsBuiltAtOnce(layer) || inputs.Count == 0)
            return json;
        JsonNode[] shapes = [.. inputs.Select(i => KerasNumbers.Batched(i.Shape))];
        if (KerasCalls.TakesList(layer) || inputs.Count == 1)
            json["build_config"] = new JsonObject { ["input_shape"] = KerasCalls.TakesList(layer) ? new JsonArray(shapes) : shapes[0] };
        return json;
    }

    // {"args": [tensor, or a list of them], "kwargs": {..}}
    private JsonObject CallOfThree(Node node, ILookup<Layer, Node> uses)
    {
        JsonNode[] tensors = [.. node.Inputs.Select(i => Tensor(i, uses))];
        JsonObject kwargs = KerasCalls.Arguments(node.Layer, maskIsNone: true);
        if (KerasCalls.TakesList(node.Layer) || (node.Layer is Model && tensors.Length > 1))
            return new JsonObject { ["args"] = new JsonArray(new JsonArray(tensors)), ["kwargs"] = kwargs };
        if (KerasCalls.TakesStates(node.Layer) && tensors.Length > 1)
        {
            kwargs["initial_state"] = new JsonArray(tensors[1..]);
            tensors = tensors[..1];
        }
        return new JsonObject { ["args"] = new JsonArray(tensors), ["kwargs"] = kwargs };
    }

    private JsonObject Tensor(Node node, ILookup<Layer, Node> uses) => new()
    {
        ["class_name"] = "__keras_tensor__",
        ["config"] = new JsonObject { ["shape"] = KerasNumbers.Batched(node.Shape), ["dtype"] = "float32", ["keras_history"] = Reference(node, uses) },
    };

    // [[layer, use, output, {arguments}], ...]
    private JsonArray CallOfTwo(Node node, ILookup<Layer, Node> uses)
    {
        JsonObject named = KerasCalls.Arguments(node.Layer, maskIsNone: false);
        IReadOnlyList<Node> inputs = node.Inputs;
        if (node.Layer is HeadAttention) // a query, and the rest by name, as tf.keras has it
        {
            named["value"] = Reference(inputs[1], uses);
            if (inputs.Count > 2)
                named["key"] = Reference(inputs[2], uses);
            inputs = [inputs[0]];
        }
        return new JsonArray([.. inputs.Select(i => (JsonNode)new JsonArray([.. Reference(i, uses).Select(p => p!.DeepClone()), named.DeepClone()]))]);
    }

    /// <summary>Layer, use and output. Models of Keras 2 count the use by which they were defined as their first.</summary>
    private JsonArray Reference(Node node, ILookup<Layer, Node> uses, bool isEnd = false)
    {
        int use = node.Layer is InputLayer ? 0 : uses[node.Layer].ToList().IndexOf(node.First);
        bool isCounted = Dialect.IsThree ? isEnd && node.Layer is Model && !KerasOrder.IsSequential(node.Layer) : node.Layer is Model;
        return new JsonArray(Dialect.NameOf(node.Layer), use + (isCounted ? 1 : 0), node.Index);
    }

    private JsonArray Ends(IReadOnlyList<Node> nodes, ILookup<Layer, Node> uses) => Dialect.IsThree && nodes.Count == 1 ? Reference(nodes[0], uses, isEnd: true)
        : new JsonArray([.. nodes.Select(n => (JsonNode)Reference(n, uses, isEnd: true))]);

    // Of a model that was frozen as a whole, no layer learns; those without weights say so too.
    private static bool IsTrainable(Model model) => model.Layers.Any(l => l is Model inner ? IsTrainable(inner) : l is not InputLayer && l.Trainable);
}

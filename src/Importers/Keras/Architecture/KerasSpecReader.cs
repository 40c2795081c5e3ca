using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Reads class_name and config of every generation into <see cref="KerasModelSpec"/>.</summary>
/// <param name="source">The file, for errors.</param>
/// <param name="generation">1, 2 or 3.</param>
internal sealed class KerasSpecReader(string source, int generation)
{
    private const int DeepestModel = 32;

    private static readonly string[] s_models = ["Sequential", "Functional", "Model"];

    private int _depth;

    /// <summary>Reads a whole architecture.</summary>
    /// <exception cref="GraftException">It is no model, or a model whose layers the file does not describe.</exception>
    public KerasModelSpec Model(JsonObject json)
    {
        string kind = ClassOf(json);
        if (json["config"] is null)
            throw new GraftException($"{source}: the architecture has no 'config' (it has {string.Join(", ", json.Select(p => p.Key).Take(8))}); it is no description of a Keras model.");
        return Nested(json) ?? throw new GraftException(
            $"{source}: the model is of class '{kind}', a class of its author's own (a subclass of keras.Model): its computation is Python code, which the file does not hold. In Keras, build the same computation with the functional API or Sequential and save that, or load the weights into a model that is built here (WeightLoader).");
    }

    private KerasModelSpec? Nested(JsonObject json)
    {
        if (_depth >= DeepestModel)
            throw new GraftException($"{source}: has models within models, more than {DeepestModel} deep; the file is damaged.");
        _depth++;
        KerasModelSpec? spec = Described(json);
        _depth--;
        return spec;
    }

    private KerasModelSpec? Described(JsonObject json)
    {
        JsonNode? config = json["config"];
        string kind = ClassOf(json);
        if (config is JsonArray list && kind == "Sequential") // Keras 1 and early 2
            return Sequential(Text(json["name"]) ?? "sequential", list, null);
        if (config is not JsonObject o || o["layers"] is not JsonArray layers || kind == "Merge")
            return null;
        string name = Text(o["name"]) ?? Text(json["name"]) ?? (kind == "Sequential" ? "sequential" : "model");
        if (o["input_layers"] is not null && o["output_layers"] is not null)
            return Functional(name, o, layers);
        return kind == "Sequential" || !s_models.Contains(kind) ? Sequential(name, layers, Extents(o["build_input_shape"]) ?? Extents((json["build_config"] as JsonObject)?["input_shape"])) : null;
    }

    private KerasModelSpec Sequential(string name, JsonArray layers, int?[]? builtFor) => layers.Count > 0 && layers[0] is JsonObject first && ClassOf(first) == "Merge"
        && first["config"] is JsonObject merge && merge["layers"] is JsonArray branches ? Merged(name, merge, branches, [.. layers.Skip(1)]) : new(name, true, [.. layers.Select((l, i) => Layer(Object(l, $"layer {i} of '{name}'"), i))], [], []) { BuiltFor = builtFor };

    /// <summary>A Sequential of Keras 1 that begins by joining other models: a graph with an input a branch.</summary>
    private KerasModelSpec Merged(string name, JsonObject merge, JsonArray branches, JsonNode?[] rest)
    {
        string join = Text(merge["name"]) ?? "merge";
        var layers = new List<KerasLayerSpec>();
        var joined = new List<object?>();
        foreach (JsonNode? branch in branches)
        {
            KerasLayerSpec inner = Layer(Object(branch, $"branch {joined.Count} of '{join}'"), joined.Count);
            string own = inner.Nested is null ? inner.Name : $"{join}_branch_{joined.Count}";
            layers.Add(new KerasLayerSpec { Name = $"{own}_input", ClassName = "InputLayer", SampleShape = inner.Nested is { } model ? KerasInputs.Of(model) : inner.SampleShape });
            layers.Add(inner with { Name = own, Calls = [Reading($"{own}_input")] });
            joined.Add(new KerasTensorReference(own, 0, 0));
        }
        (string kind, JsonObject config) = KerasOneSpelling.Renewed("Merge", merge);
        layers.Add(new KerasLayerSpec { Name = join, ClassName = kind, Config = config, Calls = [new KerasCall(joined, new Dictionary<string, object?>())] });
        for (int i = 0; i < rest.Length; i++)
            layers.Add(Layer(Object(rest[i], $"layer {i + 1} of '{name}'"), i + 1) with { Calls = [Reading(layers[^1].Name)] });
        return new KerasModelSpec(name, false, layers, [.. layers.Where(l => l.ClassName == "InputLayer").Select(l => new KerasTensorReference(l.Name, 0, 0))], [new KerasTensorReference(layers[^1].Name, 0, 0)]);
    }

    private static KerasCall Reading(string layer) => new([new KerasTensorReference(layer, 0, 0)], new Dictionary<string, object?>());

    private KerasModelSpec Functional(string name, JsonObject config, JsonArray layers) => new(name, false, [.. layers.Select((l, i) => Layer(Object(l, $"layer {i} of '{name}'"), i))],
        [.. Ends(config["input_layers"]!, name)], [.. Ends(config["output_layers"]!, name)]);

    private KerasLayerSpec Layer(JsonObject json, int index)
    {
        string kind = ClassOf(json);
        JsonObject config = json["config"] as JsonObject ?? [];
        KerasModelSpec? nested = Nested(json) ?? (kind == "TimeDistributed" && config["layer"] is JsonObject inner ? Nested(inner) : null);
        string name = Text(json["name"]) ?? Text(config["name"]) ?? nested?.Name ?? $"{kind.ToLowerInvariant()}_{index}";
        (kind, config) = generation == 1 && nested is null ? KerasOneSpelling.Renewed(kind, config) : (kind, config);
        return new KerasLayerSpec
        {
            Name = name, ClassName = kind, Module = Text(json["module"]) ?? "", Config = nested is not null ? [] : config, Nested = nested,
            Calls = json["inbound_nodes"] is JsonArray nodes ? [.. nodes.Select(n => Call(n, name))] : [],
            BuiltFor = Extents((json["build_config"] as JsonObject)?["input_shape"]), SampleShape = SampleShape(kind, config),
        };
    }

    /// <summary>"Custom>Adam" and "my_package>Dense" without what stands before; TensorFlow's numbered classes under their plain name.</summary>
    public static string ClassOf(JsonObject json)
    {
        string name = Text(json["class_name"]) ?? "";
        return name[(name.LastIndexOf('>') + 1)..];
    }

    private static int?[]? SampleShape(string kind, JsonObject config)
    {
        int?[]? batched = Extents(config["batch_shape"]) ?? Extents(config["batch_input_shape"]);
        if (batched is not null)
            return batched[1..];
        if ((Extents(config["input_shape"]) ?? (kind == "InputLayer" ? Extents(config["shape"]) : null)) is { } shape)
            return shape;
        if (kind == "Embedding" && config["input_length"] is JsonValue length)
            return [(int)length];
        return kind != "Embedding" && config["input_dim"] is JsonValue width && width.GetValueKind() == JsonValueKind.Number ? [(int)width] : null;
    }

    // [null, 28, 28, 1]; Keras 3 may have {"class_name": "__tuple__", "items": [...]}, and a dict of shapes for layers with several inputs.
    private static int?[]? Extents(JsonNode? json)
    {
        if (json is JsonObject o && o["items"] is JsonArray items)
            json = items;
        return json is JsonArray a && a.Count > 0 && a.All(d => d is null || d.GetValueKind() == JsonValueKind.Number) ? [.. a.Select(d => (int?)d)] : null;
    }

    private IEnumerable<KerasTensorReference> Ends(JsonNode json, string model)
    {
        // One tensor, [name, 0, 0] in Keras 3; a list of such; Keras 3 also has dictionaries by name.
        if (Reference(json) is { } one)
            return [one];
        return json switch
        {
            JsonArray a => a.SelectMany(e => Ends(e!, model)),
            JsonObject o => o.SelectMany(p => Ends(p.Value!, model)),
            _ => throw new GraftException($"{source}: model '{model}' names an input or output as {json.ToJsonString()}; [layer, node, tensor] is due."),
        };
    }

    private KerasCall Call(JsonNode? node, string layer)
    {
        if (node is JsonObject o) // Keras 3
        {
            object?[] arguments = [.. (o["args"] as JsonArray ?? []).Select(Argument)];
            return new KerasCall(arguments, (o["kwargs"] as JsonObject ?? []).ToDictionary(p => p.Key, p => Argument(p.Value)));
        }
        if (node is not JsonArray inputs)
            throw new GraftException($"{source}: layer '{layer}' has an inbound node {node?.ToJsonString()}; a list of [layer, node, tensor] is due.");
        var named = new Dictionary<string, object?>();
        var tensors = new List<object?>();
        bool isOne = Reference(inputs) is not null || Constant(inputs) is not null; // operations have no list around it
        foreach (JsonNode? input in isOne ? new JsonNode?[] { inputs } : inputs.AsEnumerable())
        {
            tensors.Add(Constant(input) ?? (object?)Reference(input) ?? throw new GraftException($"{source}: layer '{layer}' reads {input?.ToJsonString()}; [layer, node, tensor] is due."));
            if (input is JsonArray { Count: > 3 } a && a[3] is JsonObject kwargs)
            {
                foreach ((string key, JsonNode? value) in kwargs)
                    named[key] = ArgumentOfKeras2(value);
            }
        }
        return new KerasCall(tensors, named);
    }

    // ["_CONSTANT_VALUE", -1, 127.5, {..}]: a number in the place of a tensor
    private static JsonNode? Constant(JsonNode? input) => input is JsonArray { Count: >= 3 } a && Text(a[0]) == "_CONSTANT_VALUE" ? a[2] : null;

    private static object? ArgumentOfKeras2(JsonNode? json) => Reference(json) is { } reference ? reference
        : json is JsonArray a && a.Count > 0 && a.All(i => Reference(i) is not null) ? a.Select(i => (object?)Reference(i)).ToArray() : json;

    private static object? Argument(JsonNode? json) => json switch
    {
        JsonObject o when Text(o["class_name"]) == "__keras_tensor__" => Reference((o["config"] as JsonObject)?["keras_history"]),
        JsonObject o when Text(o["class_name"]) == "__tuple__" && o["items"] is JsonArray items => items.Select(Argument).ToArray(),
        JsonArray a when a.Any(HoldsTensor) => a.Select(Argument).ToArray(),
        _ => json,
    };

    private static bool HoldsTensor(JsonNode? json) => json switch
    {
        JsonObject o => o.ContainsKey("keras_history") || o.Any(p => HoldsTensor(p.Value)),
        JsonArray a => a.Any(HoldsTensor),
        _ => false,
    };

    private static KerasTensorReference? Reference(JsonNode? json) =>
        json is JsonArray { Count: >= 2 and <= 4 } a && a[0] is JsonValue name && name.GetValueKind() == JsonValueKind.String && Constant(json) is null
        && a.Skip(1).Take(2).All(n => n?.GetValueKind() == JsonValueKind.Number)
            ? new KerasTensorReference((string)name!, (int)a[1]!, a.Count > 2 ? (int)a[2]! : 0) : null;

    private JsonObject Object(JsonNode? json, string what) => json as JsonObject ?? throw new GraftException($"{source}: {what} is {json?.ToJsonString() ?? "null"}; an object with 'class_name' and 'config' is due.");

    private static string? Text(JsonNode? json) => json is JsonValue value && value.GetValueKind() == JsonValueKind.String ? (string?)value : null;
}

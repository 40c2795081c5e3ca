using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Plain operations in a graph: TensorFlowOpLayer and TFOpLambda of TensorFlow, the ops of Keras 3.</summary>
internal static class KerasOperations
{
    private static readonly string[] s_classes = ["TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"];

    // The operation's name, in lower case without "_" and numbers of versions, and what it is here.
    private static readonly Dictionary<string, Func<Layer>> s_joins = new()
    {
        ["add"] = () => new Add(), ["addv2"] = () => new Add(), ["mul"] = () => new Multiply(), ["multiply"] = () => new Multiply(), ["sub"] = () => new Subtract(),
        ["subtract"] = () => new Subtract(), ["maximum"] = () => new Maximum(), ["minimum"] = () => new Minimum(),
    };

    private static readonly Dictionary<string, Activation> s_functions = new()
    {
        ["relu"] = Activation.ReLU, ["relu6"] = Activation.ReLU6, ["sigmoid"] = Activation.Sigmoid, ["tanh"] = Activation.Tanh, ["softmax"] = Activation.Softmax, ["logsoftmax"] = Activation.LogSoftmax,
        ["elu"] = Activation.ELU, ["selu"] = Activation.SELU, ["softplus"] = Activation.Softplus, ["softsign"] = Activation.Softsign, ["exp"] = Activation.Exponential, ["silu"] = Activation.SiLU,
        ["swish"] = Activation.SiLU, ["gelu"] = Activation.Gelu, ["mish"] = Activation.Mish, ["identity"] = Activation.Linear, ["stopgradient"] = Activation.Linear,
    };

    /// <summary>True for a class that stands for an operation.</summary>
    public static bool Is(string className) => s_classes.Contains(className);

    /// <summary>The layer that does the operation.</summary>
    /// <exception cref="GraftException">The operation is not known: it is named, with the way to register one.</exception>
    public static Layer Create(KerasLayerConfig config, KerasCall call, Shape[] inputs, IReadOnlyDictionary<string, Func<KerasLayerConfig, Layer>> registered)
    {
        if ((registered.GetValueOrDefault(config.Name) ?? registered.GetValueOrDefault(config.ClassName)) is { } own)
        {
            config.Ignore([.. config.Attributes]);
            return own(config);
        }
        string operation = NameOf(config);
        string plain = operation[(operation.LastIndexOf('.') + 1)..].Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        config.Ignore([.. config.Attributes]);
        if (inputs.Length >= 2 && s_joins.TryGetValue(plain, out Func<Layer>? join))
            return join();
        if (inputs.Length >= 2 && plain is "concat" or "concatv2" or "concatenate" && Number(Constant(config, call, inputs.Length, "axis")) is { } axis)
            return new Concatenate((int)axis);
        if (inputs.Length == 1 && Constant(config, call) is var (numbers, comesFirst) && Affine(plain, numbers, comesFirst) is { } affine)
            return affine;
        if (inputs.Length == 1 && s_functions.TryGetValue(plain, out Activation function) && !HasValues(call, "axis", "alpha", "approximate"))
            return new ActivationLayer(function);
        if (inputs.Length == 1 && plain is "transpose" && Axes(Constant(config, call, 1, "perm", "axes")) is { } order && order.Length == inputs[0].Rank + 1 && order[0] == 0)
            return new Permute(order[1..]);
        if (inputs.Length == 1 && plain is "reshape" && Axes(Constant(config, call, 1, "shape", "newshape")) is { Length: > 0 } shape && (shape[0] == -1 || shape[1..].All(d => d > 0)))
            return new Reshape(shape[1..]);
        if (inputs.Length == 1 && plain is "flatten")
            return new Flatten();
        throw new GraftException($"{config.Source}: layer '{config.Name}' ({config.ClassName}) is the operation '{operation}' on {string.Join(", ", inputs.Select(s => $"{s}"))}, which is not built here. "
            + $"KerasImport.Register(\"{config.Name}\", config => ...) puts a layer of your own in its place; or use Keras's layer for it and save the model anew.");
    }

    // Keras 3: the class itself; TFOpLambda: "function": "math.add"; TensorFlowOpLayer: node_def, as an object or as text 'op: "AddV2"'.
    private static string NameOf(KerasLayerConfig config) => config.ClassName switch
    {
        "TensorFlowOpLayer" => config.Json("node_def") switch
        {
            JsonObject o => o["op"]?.ToString() ?? "",
            { } text => System.Text.RegularExpressions.Regex.Match(text.ToString(), "op: \"(?<op>[^\"]+)\"").Groups["op"].Value,
            null => "",
        },
        "TFOpLambda" => config.Json("function")?.ToString() ?? "",
        _ => config.ClassName,
    };

    /// <summary>A constant operand: TensorFlowOpLayer lists them by place, the others have them among the arguments.</summary>
    private static JsonNode? Constant(KerasLayerConfig config, KerasCall call, int place, params ReadOnlySpan<string> names)
    {
        if (config.Json("constants") is JsonObject constants)
            return constants[$"{place}"];
        foreach (string name in names)
        {
            if ((call.Named.GetValueOrDefault(name) ?? config.Json(name)) is JsonNode named)
                return named;
        }
        return place < call.Arguments.Count ? call.Arguments[place] as JsonNode : null;
    }

    /// <summary>x + c, c - x, x c, x / c: what preprocess_input leaves in a graph.</summary>
    private static Rescaling? Affine(string operation, float[] c, bool constantFirst) => operation switch
    {
        "add" or "addv2" or "biasadd" => new Rescaling([1], c),
        "sub" or "subtract" => constantFirst ? new Rescaling([-1], c) : new Rescaling([1], Array.ConvertAll(c, v => -v)),
        "mul" or "multiply" => new Rescaling(c, [0]),
        "truediv" or "divide" or "realdiv" or "truedivide" when !constantFirst => new Rescaling(Array.ConvertAll(c, v => 1 / v), [0]),
        _ => null,
    };

    /// <summary>The numbers beside the only tensor, and whether they come before it; null where there are none.</summary>
    private static (float[] Values, bool ComesFirst)? Constant(KerasLayerConfig config, KerasCall call)
    {
        if (config.Json("constants") is JsonObject { Count: 1 } constants)
            return Numbers(constants.First().Value) is { } stored ? (stored, constants.First().Key == "0") : null;
        int place = call.Arguments.ToList().FindIndex(a => a is JsonNode);
        if (place >= 0)
            return Numbers((JsonNode)call.Arguments[place]!) is { } given ? (given, place == 0) : null;
        return (call.Named.GetValueOrDefault("y") ?? call.Named.GetValueOrDefault("x2") ?? call.Named.GetValueOrDefault("bias")) is JsonNode named && Numbers(named) is { } values ? (values, false) : null;
    }

    private static float[]? Numbers(JsonNode? json) => json switch
    {
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => [(float)(double)v],
        JsonArray a when a.Count > 0 && a.All(i => i is JsonValue v && v.GetValueKind() == JsonValueKind.Number) => [.. a.Select(i => (float)(double)i!)],
        JsonArray { Count: 1 } nested => Numbers(nested[0]),
        JsonObject o when (o["value"] ?? (o["config"] as JsonObject)?["value"]) is { } inner => Numbers(inner),
        _ => null,
    };

    private static float? Number(JsonNode? json) => Numbers(json) is [var one] ? one : null;

    private static bool HasValues(KerasCall call, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (call.Named.GetValueOrDefault(name) is JsonValue value && !(name == "axis" && value.ToString() == "-1") && value.GetValueKind() != JsonValueKind.False)
                return true;
        }
        return false;
    }

    private static int[]? Axes(JsonNode? json) => json is JsonObject { } o && o["items"] is JsonArray items ? Axes(items)
        : json is JsonArray a && a.All(i => i?.GetValueKind() == JsonValueKind.Number) ? [.. a.Select(i => (int)i!)] : null;
}

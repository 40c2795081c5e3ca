using System.Text.Json.Nodes;
using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Training;
using Graft.Weights;

namespace Graft.Importers.Keras.Training;

/// <summary>Losses and metrics by the names and objects of Keras.</summary>
internal static class KerasLosses
{
    private static readonly Dictionary<string, string> s_names = new()
    {
        ["mse"] = "mean_squared_error", ["mae"] = "mean_absolute_error", ["huber_loss"] = "huber", ["acc"] = "accuracy", ["bce"] = "binary_crossentropy",
        ["binary_crossentropy"] = "binary_crossentropy", ["categorical_cross_entropy"] = "categorical_crossentropy", ["top_k_categorical_accuracy"] = "top_k_categorical_accuracy",
    };

    // Keras's own accuracy follows the labels; in TensorFlow's files the choice stands beside it.
    private static readonly string[] s_accuracies = ["binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"];

    /// <summary>A loss: a name, an object, or one of either for the only output.</summary>
    /// <exception cref="GraftException">It is not known here.</exception>
    public static Loss Create(JsonNode json)
    {
        if (json is JsonArray { Count: 1 } list && list[0] is { } only)
            return Create(only);
        if (json is JsonObject { Count: 1 } byOutput && byOutput.First().Value is { } own && byOutput["class_name"] is null)
            return Create(own);
        JsonObject? config = (json as JsonObject)?["config"] as JsonObject;
        float smoothing = (float?)config?["label_smoothing"] ?? 0;
        if (config?["reduction"]?.ToString() is { } reduction && reduction is "sum" or "none")
            throw new GraftException($"the loss {NameOf(json)} takes the {reduction} over a batch; losses here take the mean.");
        string name = NameOf(json);
        return Loss.Create(name, config?.Flag("from_logits") ?? false, smoothing, config?.Number("delta"), ignoreClass: null);
    }

    /// <summary>"binary_crossentropy" of "BinaryCrossentropy", of an object of that class, and of a function's name.</summary>
    public static string NameOf(JsonNode json)
    {
        string name = json is JsonObject o ? o["config"] is JsonValue function ? function.ToString() : KerasSpecReader.ClassOf(o) : json.ToString();
        name = KerasStoredWeights.SnakeCase(name[(name.LastIndexOf('>') + 1)..].Split('.')[^1]);
        return s_names.GetValueOrDefault(name, name);
    }

    /// <summary>The metric that is meant: TensorFlow wraps functions in MeanMetricWrapper.</summary>
    public static string MetricNameOf(JsonNode json)
    {
        if (json is JsonObject { } o && o["config"] is JsonObject config && KerasSpecReader.ClassOf(o) is "MeanMetricWrapper")
        {
            string function = KerasStoredWeights.SnakeCase(config["fn"]?.ToString() ?? config["name"]?.ToString() ?? "");
            return config["name"]?.ToString() is "accuracy" or "acc" || s_accuracies.Contains(function) && config["name"]?.ToString() is null ? "accuracy" : s_names.GetValueOrDefault(function, function);
        }
        return NameOf(json);
    }
}

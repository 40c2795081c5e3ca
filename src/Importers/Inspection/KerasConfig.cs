using System.Text.Json;
using Graft.Importers.Keras.Architecture;

namespace Graft.Importers.Inspection;

/// <summary>The layers in the JSON with which Keras describes a model (model_config, config.json).</summary>
internal static class KerasConfig
{
    // What tells one layer of a kind from another; the rest (initializers, regularizers, ...) would hide it.
    private static readonly string[] Settings =
    [
        "batch_input_shape", "batch_shape", "filters", "kernel_size", "pool_size", "strides", "padding", "dilation_rate", "depth_multiplier", "groups", "units", "activation", "use_bias",
        "rate", "axis", "epsilon", "momentum", "size", "target_shape", "alpha", "negative_slope", "input_dim", "output_dim",
        "nb_filter", "nb_row", "nb_col", "subsample", "border_mode", "output_dim", "p", // Keras 1
    ];

    /// <summary>The layers, those of nested models behind their model, under its name.</summary>
    /// <exception cref="GraftException">The text is not such a description.</exception>
    public static IReadOnlyList<LayerEntry> Layers(string json, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = KerasJsonText.DeepestNesting });
            List<LayerEntry> layers = [];
            Add(layers, document.RootElement, "");
            return layers;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            string where = e is JsonException syntax ? $"line {syntax.LineNumber + 1}, byte {syntax.BytePositionInLine}" : e.Message; // the former's message quotes pages
            throw new GraftException($"{path}: its description of the model is not Keras's JSON ({where}); the file is damaged.", e);
        }
    }

    private static void Add(List<LayerEntry> layers, JsonElement model, string prefix)
    {
        JsonElement config = model.GetProperty("config");
        JsonElement list = config.ValueKind == JsonValueKind.Array ? config : config.GetProperty("layers"); // Sequential of Keras 1 and early 2 is a list
        foreach (JsonElement layer in list.EnumerateArray())
        {
            JsonElement settings = layer.GetProperty("config");
            string type = layer.GetProperty("class_name").GetString() ?? "";
            string name = prefix + (Text(layer, "name") ?? (settings.ValueKind == JsonValueKind.Object ? Text(settings, "name") : null) ?? type);
            bool nested = settings.ValueKind == JsonValueKind.Array || settings.TryGetProperty("layers", out _);
            layers.Add(new LayerEntry(name, type, nested ? "" : Describe(settings)));
            if (nested)
                Add(layers, layer, $"{name}/");
        }
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Describe(JsonElement settings)
    {
        IEnumerable<string> shown = Settings.Distinct().Where(s => settings.TryGetProperty(s, out JsonElement v) && IsTelling(s, v)).Select(s => $"{s} {Value(settings.GetProperty(s))}");
        bool frozen = settings.TryGetProperty("trainable", out JsonElement trainable) && trainable.ValueKind == JsonValueKind.False;
        return string.Join(", ", frozen ? shown.Append("frozen") : shown);
    }

    // Defaults that almost every layer has are left out.
    private static bool IsTelling(string name, JsonElement value) => value.ValueKind != JsonValueKind.Null && (name, Value(value)) switch
    {
        ("use_bias", "true") or ("activation", "linear") or ("groups", "1") or ("dilation_rate", "[1,1]") or ("dilation_rate", "1") or ("depth_multiplier", "1") => false,
        _ => true,
    };

    private static string Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => $"[{string.Join(",", value.EnumerateArray().Select(Value))}]",
        JsonValueKind.Object => Text(value, "class_name") ?? "{...}",
        JsonValueKind.Null => "None",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.ToString(),
    };
}

using System.Text.Json.Nodes;

namespace Graft.Layers;

/// <summary>Every layer class by the name a model file gives it.</summary>
internal static class LayerCatalog
{
    private static readonly Dictionary<string, Func<JsonNode, Layer>> Classes = new()
    {
        ["InputLayer"] = c => new InputLayer(new Shape([.. c["shape"]!.AsArray().Select(d => (int)d!)])),
    };

    /// <summary>A layer of a class with the attributes that its WriteConfig wrote.</summary>
    /// <exception cref="GraftException">No layer class has that name.</exception>
    public static Layer Create(string className, JsonNode config) =>
        Classes.TryGetValue(className, out Func<JsonNode, Layer>? create) ? create(config)
            : throw new GraftException($"Unknown layer class '{className}'; this version knows {string.Join(", ", Classes.Keys.Order(StringComparer.Ordinal))}.");
}

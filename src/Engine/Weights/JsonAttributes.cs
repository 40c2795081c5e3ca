using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Weights;

/// <summary>Attributes that a config may have or leave out.</summary>
internal static class JsonAttributes
{
    /// <summary>A number; null where there is none.</summary>
    public static float? Number(this JsonObject config, string name) =>
        config[name] is JsonValue v && v.GetValueKind() == JsonValueKind.Number ? v.TryGetValue(out float number) ? number : (float)v.GetValue<double>() : null;

    /// <summary>A number, and what it is where there is none.</summary>
    public static float Number(this JsonObject config, string name, float missing) => config.Number(name) ?? missing;

    /// <summary>True where it says true.</summary>
    public static bool Flag(this JsonObject config, string name) => config[name] is JsonValue v && v.GetValueKind() == JsonValueKind.True;
}

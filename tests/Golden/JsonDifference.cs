using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Tests.Golden;

/// <summary>Compares JSON trees: the order of members does not count, numbers are equal that are the same in single precision.</summary>
internal static class JsonDifference
{
    /// <summary>Where the two differ, "path: expected, found".</summary>
    public static IEnumerable<string> Between(JsonNode? expected, JsonNode? found, string path = "")
    {
        if (expected is JsonObject a && found is JsonObject b)
        {
            return a.Select(p => p.Key).Union(b.Select(p => p.Key)).SelectMany(key => !a.ContainsKey(key) ? [$"{path}/{key}: absent, {Text(b[key])}"]
                : !b.ContainsKey(key) ? [$"{path}/{key}: {Text(a[key])}, absent"] : Between(a[key], b[key], $"{path}/{key}"));
        }
        if (expected is JsonArray x && found is JsonArray y && x.Count == y.Count)
            return x.Zip(y).SelectMany((p, i) => Between(p.First, p.Second, $"{path}[{i}]"));
        return AreEqual(expected, found) ? [] : [$"{path}: {Text(expected)}, {Text(found)}"];
    }

    private static bool AreEqual(JsonNode? a, JsonNode? b) => a?.GetValueKind() == JsonValueKind.Number && b?.GetValueKind() == JsonValueKind.Number
        ? (float)(double)a == (float)(double)b : JsonNode.DeepEquals(a, b);

    private static string Text(JsonNode? node) => node?.ToJsonString() is { } text ? text.Length > 80 ? text[..80] : text : "null";
}

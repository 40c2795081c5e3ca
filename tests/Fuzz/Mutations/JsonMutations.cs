using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of JSON that leave it JSON: values of another kind or size, members left out, twice, renamed, exchanged; depth.</summary>
internal static class JsonMutations
{
    private static readonly string[] s_values =
    [
        "null", "true", "false", "0", "-1", "1", "2", "3", "-0.5", "1e308", "1e999", "2147483647", "2147483648", "4294967295", "9223372036854775807", "18446744073709551615", "99999999999999999999999", "-2147483648",
        "\"\"", "\"a\"", "\"0\"", "\"../../x\"", "\"\\u0000\"", "\"\\ud800\"", "\"a\\nb\\u001b[2J\"", "[]", "{}", "[null]", "[0]", "[-1]", "[1,2]", "[[]]", "[2147483647,2147483647,2147483647]", "[0,18446744073709551615]", "{\"a\":null}", "NaN", "Infinity", "1000000000",
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [Change, Change, Change, Twice, Deep, Break];

    /// <summary>The change of a JSON text; what is none is changed as bytes are.</summary>
    public static byte[] Any(byte[] bytes, Random random) => All[random.Next(All.Count)](bytes, random);

    private static byte[] Change(byte[] bytes, Random random)
    {
        if (Parse(bytes) is not { } root)
            return ByteMutations.Any(bytes, random);
        List<JsonNode> places = [.. Places(root)];
        JsonNode at = places[random.Next(places.Count)];
        switch (at)
        {
            case JsonObject { Count: > 0 } o: ChangeMember(o, places, random); break;
            case JsonArray { Count: > 0 } a: ChangeItem(a, places, random); break;
        }
        return Marked(root.ToJsonString(), random);
    }

    private static void ChangeMember(JsonObject o, List<JsonNode> places, Random random)
    {
        string name = o.ElementAt(random.Next(o.Count)).Key;
        JsonNode? value = o[name];
        switch (random.Next(6))
        {
            case 0: o.Remove(name); break;
            case 1: o.Remove(name); o[random.Next(2) == 0 ? name + "x" : ""] = value; break;
            case 2: o[name] = places[random.Next(places.Count)].DeepClone(); break;
            default: o[name] = Mark; break;
        }
    }

    private static void ChangeItem(JsonArray a, List<JsonNode> places, Random random)
    {
        int i = random.Next(a.Count);
        switch (random.Next(5))
        {
            case 0: a.RemoveAt(i); break;
            case 1: a.Add(a[i]?.DeepClone()); break;
            case 2: a[i] = places[random.Next(places.Count)].DeepClone(); break;
            default: a[i] = Mark; break;
        }
    }

    private const string Mark = "\uE000"; // stands for a value that JsonNode would not write

    private static byte[] Marked(string text, Random random) => Encoding.UTF8.GetBytes(text.Replace("\"\\uE000\"", s_values[random.Next(s_values.Length)], StringComparison.OrdinalIgnoreCase));

    // A member of the outermost object twice: JsonNode holds each once.
    private static byte[] Twice(byte[] bytes, Random random)
    {
        if (Parse(bytes) is not JsonObject { Count: > 0 } o)
            return ByteMutations.Any(bytes, random);
        (string name, JsonNode? value) = o.ElementAt(random.Next(o.Count));
        string text = o.ToJsonString();
        return Encoding.UTF8.GetBytes($"{{{JsonSerializer.Serialize(name)}:{value?.ToJsonString() ?? "null"},{text[1..]}");
    }

    private static byte[] Deep(byte[] bytes, Random random)
    {
        string text = Encoding.UTF8.GetString(bytes);
        int at = text.IndexOf(':', random.Next(text.Length + 1) is var from && from < text.Length ? from : 0) + 1, depth = 1 << random.Next(4, 16);
        return Encoding.UTF8.GetBytes($"{text[..at]}{string.Concat(Enumerable.Repeat(random.Next(2) == 0 ? "[" : "{\"config\":", depth))}{text[at..]}");
    }

    private static byte[] Break(byte[] bytes, Random random)
    {
        int[] marks = [.. Enumerable.Range(0, bytes.Length).Where(i => bytes[i] is (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)',' or (byte)':' or (byte)'"')];
        if (marks.Length == 0)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        changed[marks[random.Next(marks.Length)]] = "{}[],:\" "u8[random.Next(8)];
        return changed;
    }

    private static JsonNode? Parse(byte[] bytes)
    {
        try
        {
            JsonNode? node = JsonNode.Parse(bytes);
            return node is null || Places(node).All(p => p.ToJsonString().Length > 0) ? node : null; // the walk finds members that are there twice, and halves of characters
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return null; // changed before
        }
    }

    private static IEnumerable<JsonNode> Places(JsonNode node)
    {
        yield return node;
        IEnumerable<JsonNode?> inner = node switch { JsonObject o => o.Select(p => p.Value), JsonArray a => a, _ => [] };
        foreach (JsonNode place in inner.OfType<JsonNode>().SelectMany(Places))
            yield return place;
    }
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Architecture;

/// <summary>Parses the JSON that Python's json module writes, which knows NaN and Infinity.</summary>
internal static class KerasJsonText
{
    /// <summary>Models in models, layers in wrappers; System.Text.Json's own limit is 64.</summary>
    public const int DeepestNesting = 128;

    private static readonly string[] s_words = ["-Infinity", "Infinity", "NaN"];

    /// <summary>Parses a text; numbers that JSON has no word for become strings of that word.</summary>
    /// <exception cref="GraftException">It is no JSON object.</exception>
    public static JsonObject Parse(string text, string source)
    {
        try
        {
            JsonNode? node = JsonNode.Parse(Quoted(text.TrimStart('\uFEFF')), documentOptions: new JsonDocumentOptions { MaxDepth = DeepestNesting });
            if (node is JsonValue value && value.TryGetValue(out string? inner)) // json.dumps of what to_json gave
                node = JsonNode.Parse(Quoted(inner), documentOptions: new JsonDocumentOptions { MaxDepth = DeepestNesting });
            return node as JsonObject ?? throw new GraftException($"{source}: is JSON, but not an object; Keras describes a model by one with 'class_name' and 'config'.");
        }
        catch (JsonException e)
        {
            throw new GraftException($"{source}: is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}); the file is damaged.", e);
        }
    }

    private static string Quoted(string text)
    {
        if (!text.Contains("NaN", StringComparison.Ordinal) && !text.Contains("Infinity", StringComparison.Ordinal))
            return text;
        var result = new StringBuilder(text.Length);
        bool inString = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (inString && text[i] == '\\')
            {
                result.Append(text, i, Math.Min(2, text.Length - i));
                i++;
                continue;
            }
            inString ^= text[i] == '"';
            string? word = inString ? null : Array.Find(s_words, w => string.CompareOrdinal(text, i, w, 0, w.Length) == 0);
            if (word is null)
                result.Append(text[i]);
            else
                result.Append('"').Append(word).Append('"');
            i += word is null ? 0 : word.Length - 1;
        }
        return result.ToString();
    }
}

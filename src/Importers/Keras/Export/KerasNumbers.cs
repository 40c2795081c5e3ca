using System.Globalization;
using System.Text.Json.Nodes;

namespace Graft.Importers.Keras.Export;

/// <summary>Numbers as Python's json writes them.</summary>
internal static class KerasNumbers
{
    /// <summary>The shortest decimal of a single; always with a point or an exponent, which tells Python that it is no whole number.</summary>
    public static JsonNode Of(float value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().IndexOfAny('.', 'E') < 0 ? $"{text}.0" : text)!;
    }

    /// <summary>A list of them.</summary>
    public static JsonArray Of(IEnumerable<float> values) => new([.. values.Select(Of)]);

    /// <summary>A list of whole numbers.</summary>
    public static JsonArray Whole(params IEnumerable<int> values) => new([.. values.Select(v => (JsonNode)v)]);

    /// <summary>A shape with the open axis of samples in front.</summary>
    public static JsonArray Batched(Shape sample) => new([null, .. sample.Select(d => (JsonNode)d)]);
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>The classes of a classifier, and how a prediction is written: the likeliest class, and the likeliest few with their probabilities.</summary>
/// <param name="names">Names of the classes.</param>
/// <param name="wnids">WordNet's ids of ImageNet's classes, whose names are not unique; null for other classes.</param>
internal sealed class ClassScores(IReadOnlyList<string> names, IReadOnlyList<string>? wnids = null)
{
    private const int Usual = 5;
    private const string Top = "top";

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>The names as a list of JSON.</summary>
    public JsonArray List => [.. names.Select(n => (JsonNode)n)];

    /// <summary>How many classes a request asks for: ?top=3; 5 where it does not.</summary>
    /// <exception cref="RequestException">It is no number from 1 on.</exception>
    public static int CountOf(HttpRequest request)
    {
        if (request.Query[Top] is not [{ } text])
            return Usual;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0 ? count
            : throw InstancesReader.Fault($"?top={text}: a whole number from 1 on is due, the number of classes to name.");
    }

    /// <summary>Writes the members "class", "probability" and "top".</summary>
    public void Write(Utf8JsonWriter json, float[] probabilities, int count)
    {
        int[] best = [.. Enumerable.Range(0, probabilities.Length).OrderByDescending(k => probabilities[k]).Take(count)];
        WriteClass(json, best[0], probabilities);
        json.WriteStartArray(Top);
        foreach (int k in best)
        {
            json.WriteStartObject();
            WriteClass(json, k, probabilities);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteClass(Utf8JsonWriter json, int k, float[] probabilities)
    {
        json.WriteString("class", names[k]);
        if (wnids is not null)
            json.WriteString("wnid", wnids[k]);
        json.WriteNumber("probability", probabilities[k]);
    }
}

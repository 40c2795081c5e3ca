using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Training;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>What a model tells, and how it is written: the likeliest class, and the likeliest few with their probabilities; the labels that are said, and the probability of each; or numbers by name.</summary>
/// <param name="names">Names of the classes, labels or numbers.</param>
/// <param name="wnids">WordNet's ids of ImageNet's classes, whose names are not unique; null for other classes.</param>
internal sealed class ClassScores(IReadOnlyList<string> names, IReadOnlyList<string>? wnids = null)
{
    private const int Usual = 5;

    /// <summary>Names of what a request may ask besides.</summary>
    public const string Top = "top", Threshold = "threshold";

    /// <summary>Names of the classes, labels or numbers.</summary>
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

    /// <summary>The probability above which a request wants labels said: ?threshold=0.3; 0.5 where it does not ask.</summary>
    /// <exception cref="RequestException">It is no number from 0 to 1.</exception>
    public static float ThresholdOf(HttpRequest request)
    {
        if (request.Query[Threshold] is not [{ } text])
            return LabelCounts.UsualThreshold;
        return float.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out float threshold) && threshold <= 1 ? threshold
            : throw InstancesReader.Fault($"?threshold={text}: a number from 0 to 1 is due, the probability above which a label is said.");
    }

    /// <exception cref="RequestException">The request asks for something that this model has not got.</exception>
    public static void Refuse(HttpRequest request, string name, string needed)
    {
        if (request.Query.ContainsKey(name))
            throw InstancesReader.Fault($"?{name} is for models of {needed}; this is none.");
    }

    /// <summary>Writes the members "labels", those that are said, and "probabilities", that of each.</summary>
    public void WriteLabels(Utf8JsonWriter json, float[] probabilities, float threshold)
    {
        json.WriteStartArray("labels");
        for (int k = 0; k < probabilities.Length; k++)
        {
            if (probabilities[k] > threshold)
                json.WriteStringValue(names[k]);
        }
        json.WriteEndArray();
        WriteByName(json, "probabilities", probabilities);
    }

    /// <summary>Writes the member "values".</summary>
    public void WriteValues(Utf8JsonWriter json, float[] values) => WriteByName(json, "values", values);

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

    private void WriteByName(Utf8JsonWriter json, string member, float[] numbers)
    {
        json.WriteStartObject(member);
        for (int k = 0; k < numbers.Length; k++)
            json.WriteNumber(names[k], numbers[k]);
        json.WriteEndObject();
    }

    private void WriteClass(Utf8JsonWriter json, int k, float[] probabilities)
    {
        json.WriteString("class", names[k]);
        if (wnids is not null)
            json.WriteString("wnid", wnids[k]);
        json.WriteNumber("probability", probabilities[k]);
    }
}

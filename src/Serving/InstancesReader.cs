using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>Reads one of "instances".</summary>
/// <param name="json">Stands at its first token, and at its last one afterwards.</param>
/// <param name="where">Its place, for errors: "instances[3]".</param>
internal delegate T InstanceReader<out T>(ref Utf8JsonReader json, string where);

/// <summary>Reads the body of a prediction as TensorFlow Serving's REST API has it in row format: <c>{"instances": [...]}</c>.</summary>
internal static class InstancesReader
{
    private const string Instances = "instances", Signature = "signature_name", DefaultSignature = "serving_default";

    /// <summary>All instances, one or more.</summary>
    /// <param name="body">JSON.</param>
    /// <param name="most">How many there may be.</param>
    /// <param name="read">Reads one.</param>
    /// <exception cref="RequestException">The body is no such JSON.</exception>
    public static List<T> Read<T>(byte[] body, int most, InstanceReader<T> read)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            List<T>? instances = null;
            json.Read();
            Require(ref json, JsonTokenType.StartObject, "The body", "an object {\"instances\": [...]}");
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                string member = json.GetString()!;
                json.Read();
                if (member == Instances && instances is null)
                    instances = ReadList(ref json, most, read);
                else if (member != Signature || json.TokenType != JsonTokenType.String || json.GetString() is not DefaultSignature)
                    throw Fault($"The body has \"{member}\"{(member == Instances ? " twice" : "")}; it takes \"instances\", a list with one entry for each sample, once{(member == Signature ? $", and no other signature than \"{DefaultSignature}\"" : "")}.");
            }
            json.Read(); // nothing may follow
            return instances ?? throw Fault("The body has no \"instances\": a list with one entry for each sample is due.");
        }
        catch (JsonException e)
        {
            throw RequestBody.NoJson(e);
        }
    }

    /// <summary>Reads nested lists of numbers of a shape.</summary>
    /// <param name="json">Stands at the first token.</param>
    /// <param name="shape">Without the axis of samples.</param>
    /// <param name="where">The place, for errors.</param>
    /// <param name="input">The input's name, for errors.</param>
    /// <exception cref="RequestException">The lists have another shape, or hold something else.</exception>
    public static float[] Numbers(ref Utf8JsonReader json, Shape shape, string where, string input)
    {
        var numbers = new float[shape.Count];
        int next = 0;
        Fill(ref json, shape, axis: 0, numbers, ref next, where, input);
        return numbers;
    }

    /// <summary>Requires a kind of token.</summary>
    /// <exception cref="RequestException">It is another.</exception>
    public static void Require(ref Utf8JsonReader json, JsonTokenType type, string where, string expected)
    {
        if (json.TokenType != type)
            throw Fault($"{where} is {Word(json.TokenType)}; {expected} is due.");
    }

    /// <summary>A body that is JSON and not what is asked for.</summary>
    public static RequestException Fault(string message) => new(StatusCodes.Status400BadRequest, message);

    private static List<T> ReadList<T>(ref Utf8JsonReader json, int most, InstanceReader<T> read)
    {
        Require(ref json, JsonTokenType.StartArray, "\"instances\"", "a list with one entry for each sample");
        var list = new List<T>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (list.Count == most)
                throw new RequestException(StatusCodes.Status413PayloadTooLarge, $"The request has more than {most} instances; this server takes so many at one time (--queue). Send them in several requests.");
            list.Add(read(ref json, $"instances[{list.Count}]"));
        }
        return list.Count > 0 ? list : throw Fault("\"instances\" is empty; one entry for each sample is due.");
    }

    private static void Fill(ref Utf8JsonReader json, Shape shape, int axis, float[] numbers, ref int next, string where, string input)
    {
        if (axis == shape.Rank)
        {
            Require(ref json, JsonTokenType.Number, where, $"a number, as input '{input}' takes {shape},");
            if (!json.TryGetSingle(out float value) || !float.IsFinite(value))
                throw Fault($"{where} is too large for a float32.");
            numbers[next++] = value;
            return;
        }
        Require(ref json, JsonTokenType.StartArray, where, $"a list of {shape[axis]}, as input '{input}' takes {shape},");
        int count = 0;
        for (; json.Read() && json.TokenType != JsonTokenType.EndArray; count++)
        {
            if (count == shape[axis])
                throw Fault($"{where} has more than {count} entries; input '{input}' takes {shape}.");
            Fill(ref json, shape, axis + 1, numbers, ref next, $"{where}[{count}]", input);
        }
        if (count < shape[axis])
            throw Fault($"{where} has {count} entries; input '{input}' takes {shape}, so {shape[axis]} are due.");
    }

    private static string Word(JsonTokenType type) => type switch
    {
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };
}

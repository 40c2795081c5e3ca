using System.Text.Json;
using Graft.Models;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>The body of /generate, in the names of Hugging Face: <c>{"inputs": "...", "parameters": {...}, "stream": false}</c>.</summary>
internal sealed record GenerateRequest
{
    private const int UsualNewTokens = 50;

    /// <summary>Names that "parameters" may have.</summary>
    public static readonly string[] Parameters = ["max_new_tokens", "do_sample", "temperature", "top_k", "top_p", "repetition_penalty", "seed", "stop", "return_full_text", "details"];

    /// <summary>The text to continue.</summary>
    public required string Inputs { get; init; }

    /// <summary>True sends each token as an event.</summary>
    public bool Streams { get; init; }

    /// <summary>Most tokens to add; null where the request does not say.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>True puts the prompt before the text.</summary>
    public bool ReturnsFullText { get; init; }

    /// <summary>True tells why the text ended, and how many tokens it has.</summary>
    public bool HasDetails { get; init; } = true;

    /// <summary>How to continue it, but for lengths.</summary>
    public required GenerationOptions Options { get; init; }

    /// <summary>Tokens to add to a prompt: what is asked for, or else 50 and what the model has room for.</summary>
    /// <exception cref="RequestException">There is no room.</exception>
    public int NewTokens(int prompt, int limit)
    {
        if (prompt >= limit)
            throw Unprocessable($"\"inputs\" has {prompt} tokens; this model takes {limit}, of which one at least is new. Shorten the text.");
        if (MaxNewTokens > limit - prompt)
            throw Unprocessable($"\"inputs\" has {prompt} tokens and max_new_tokens is {MaxNewTokens}; this model takes {limit} together. Ask for {limit - prompt} or fewer.");
        return MaxNewTokens ?? Math.Min(UsualNewTokens, limit - prompt);
    }

    /// <summary>Reads a body.</summary>
    /// <param name="body">JSON.</param>
    /// <param name="defaults">What the model's folder says, such as the tokens that end a text.</param>
    /// <exception cref="RequestException">It is no JSON, has an unknown member, or a value makes no sense.</exception>
    public static GenerateRequest Read(byte[] body, GenerationOptions defaults)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw Fault("The body is no object; {\"inputs\": \"a text\", \"parameters\": {...}} is due.");
            string? inputs = null;
            bool streams = false;
            JsonElement parameters = default;
            foreach (JsonProperty member in json.RootElement.EnumerateObject())
            {
                if (member.NameEquals("inputs"))
                    inputs = Text(member.Value, "inputs");
                else if (member.NameEquals("stream"))
                    streams = Flag(member.Value, "stream");
                else if (!member.NameEquals("parameters"))
                    throw Fault($"The body has \"{member.Name}\"; it takes \"inputs\", \"parameters\" and \"stream\".");
                else
                    parameters = member.Value.ValueKind == JsonValueKind.Object ? member.Value : throw Fault("\"parameters\" is no object; {\"max_new_tokens\": 20, ...} is due.");
            }
            GenerateRequest request = new() { Inputs = inputs ?? throw Fault("The body has no \"inputs\": the text to continue is due."), Streams = streams, Options = defaults };
            return parameters.ValueKind == JsonValueKind.Object ? request.With(parameters) : request;
        }
        catch (JsonException e)
        {
            throw RequestBody.NoJson(e);
        }
    }

    private GenerateRequest With(JsonElement parameters)
    {
        GenerateRequest request = this;
        bool? samples = null;
        var sampling = new List<string>(); // parameters that only sampling has
        foreach (JsonProperty p in parameters.EnumerateObject())
        {
            if (p.Value.ValueKind == JsonValueKind.Null)
                continue; // clients write so what they leave out
            if (p.Name is "temperature" or "top_k" or "top_p" or "seed")
                sampling.Add(p.Name);
            GenerationOptions o = request.Options;
            request = p.Name switch
            {
                "max_new_tokens" => request with { MaxNewTokens = Whole(p, 1) },
                "return_full_text" => request with { ReturnsFullText = Flag(p.Value, p.Name) },
                "details" => request with { HasDetails = Flag(p.Value, p.Name) },
                "do_sample" => request with { Options = o with { DoSample = (samples = Flag(p.Value, p.Name)).Value } },
                "temperature" => request with { Options = o with { Temperature = Number(p, most: float.MaxValue) } },
                "top_k" => request with { Options = o with { TopK = Whole(p, 0) } },
                "top_p" => request with { Options = o with { TopP = Number(p, most: 1) } },
                "repetition_penalty" => request with { Options = o with { RepetitionPenalty = Number(p, most: float.MaxValue) } },
                "seed" => request with { Options = o with { Seed = Whole(p, 0) } },
                "stop" => request with { Options = o with { StopStrings = Texts(p) } },
                _ => throw Fault($"\"parameters\" has \"{p.Name}\", which is not known here; known are {string.Join(", ", Parameters)}."),
            };
        }
        if (samples == false && sampling.Count > 0)
            throw Fault($"do_sample is false, but {string.Join(", ", sampling)} {(sampling.Count == 1 ? "is" : "are")} for sampling. Leave the one or the other out.");
        return request with { Options = request.Options with { DoSample = samples ?? sampling.Count > 0 } };
    }

    private static string Text(JsonElement value, string name) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Fault($"\"{name}\" is {value.ValueKind.ToString().ToLowerInvariant()}; a text is due.");

    private static bool Flag(JsonElement value, string name) => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Fault($"\"{name}\" is {value.GetRawText()}; true or false is due.");

    private static int Whole(JsonProperty p, int least) => p.Value.ValueKind == JsonValueKind.Number && p.Value.TryGetInt32(out int whole) && whole >= least ? whole
        : throw Fault($"\"{p.Name}\" is {p.Value.GetRawText()}; a whole number from {least} to {int.MaxValue} is due.");

    private static float Number(JsonProperty p, float most) => p.Value.ValueKind == JsonValueKind.Number && p.Value.TryGetSingle(out float number) && number > 0 && number <= most ? number
        : throw Fault($"\"{p.Name}\" is {p.Value.GetRawText()}; a number above 0{(most == 1 ? " and up to 1" : "")} is due.");

    private static string[] Texts(JsonProperty p)
    {
        string[] texts = p.Value.ValueKind == JsonValueKind.Array ? [.. p.Value.EnumerateArray().Select(t => Text(t, p.Name))] : [Text(p.Value, p.Name)];
        return Array.TrueForAll(texts, t => t.Length > 0) ? texts : throw Fault("\"stop\" has an empty text, which would end every text at once.");
    }

    private static RequestException Fault(string message) => InstancesReader.Fault(message);

    private static RequestException Unprocessable(string message) => new(StatusCodes.Status422UnprocessableEntity, message);
}

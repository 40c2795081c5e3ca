using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.Text;
using Graft.Models;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>A classifier of texts.</summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <remarks>
/// A text is filled up to one of a few lengths, so that texts of similar length share a batch and a plan; with a causal model that changes no logit. Where the model has no
/// token to fill with, texts of exactly the same length alone share one.
/// </remarks>
public sealed class TextClassifier(Gpt2Classifier model, ITokenizer tokenizer) : PredictionModel(model, ["text"], ["score"])
{
    private const int ShortestRow = 16;

    private readonly Gpt2Classifier _model = model;
    private readonly ClassScores _classes = new(model.ClassNames);

    /// <inheritdoc/>
    public override string Kind => "text-classification";

    /// <inheritdoc/>
    public override string Summary => $"text classifier, {_classes.Names.Count} classes";

    private protected override Sample Probe => Row([0]);

    private protected override IReadOnlyList<string> Query => [ClassScores.Top];

    private protected override (string Help, string Example) Usage =>
        ("A text as the body (text/plain, UTF-8), or {\"instances\": [\"...\", ...]}. ?top=N names the N likeliest classes (5).", "-H 'Content-Type: text/plain' -d 'WIN a prize! Call now'");

    internal override JsonObject Describe() => new()
    {
        ["inputs"] = new JsonArray(new JsonObject { ["name"] = InputNames[0], ["datatype"] = "BYTES", ["shape"] = new JsonArray(-1) }),
        ["classes"] = _classes.List,
        ["max_tokens"] = _model.Length,
    };

    private protected override async Task<IReadOnlyList<Sample>> Read(HttpRequest request, Admission.Lease lease)
    {
        ClassScores.CountOf(request);
        byte[] body = await RequestBody.Bytes(request).ConfigureAwait(false);
        string type = RequestBody.MediaType(request);
        if (type == "text/plain")
            return [Read(RequestBody.Text(body), "The body")];
        if (!RequestBody.IsJson(type, body))
            throw RequestBody.Unsupported(type, "a text (Content-Type: text/plain) or JSON {\"instances\": [\"...\"]} is due.");
        List<string> texts = InstancesReader.Read(body, Capacity, Instance);
        lease.Grow(texts.Count);
        return [.. texts.Select((text, i) => Read(text, $"instances[{i}]"))];
    }

    private protected override void Write(Utf8JsonWriter json, Sample sample, float[][] outputs, HttpRequest request)
    {
        json.WriteStartObject();
        _classes.Write(json, Gpt2Classifier.Probabilities(outputs[0]), ClassScores.CountOf(request));
        if (sample.IsTruncated)
            json.WriteBoolean("truncated", true);
        json.WriteEndObject();
    }

    private static string Instance(ref Utf8JsonReader json, string where)
    {
        InstancesReader.Require(ref json, JsonTokenType.String, where, "a text");
        return json.GetString()!;
    }

    private Sample Read(string text, string where)
    {
        int[] tokens;
        try
        {
            tokens = tokenizer.Encode(text);
        }
        catch (GraftException e)
        {
            throw new RequestException(StatusCodes.Status422UnprocessableEntity, $"{where}: {e.Message}");
        }
        return tokens.Length > 0 ? Row(tokens) : throw new RequestException(StatusCodes.Status422UnprocessableEntity, $"{where} is an empty text; at least one token is due.");
    }

    private Sample Row(int[] tokens)
    {
        int length = Math.Min(tokens.Length, _model.Length);
        if (_model.Config.PadToken is not null)
            length = Math.Min(RowLength(length), _model.Length);
        return new Sample([(new Shape(length), PaddedTextBatches.Rows([tokens], length, _model.Config.PadToken ?? 0))]) { IsTruncated = tokens.Length > _model.Length };
    }

    /// <summary>16, 24, 32, 48, 64, 96, ...: powers of two and what lies half way, so that a third at most is filled up.</summary>
    private static int RowLength(int tokens)
    {
        int length = ShortestRow;
        while (length < tokens)
            length = int.IsPow2(length) ? length + length / 2 : length / 3 * 4;
        return length;
    }
}

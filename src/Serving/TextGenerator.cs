using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Importers.Text;
using Graft.Models;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>A language model that continues texts by /generate, whole or token by token. Requests and answers are those of Hugging Face's text-generation-inference.</summary>
/// <remarks>Several texts are continued side by side (<see cref="ContinuousBatch"/>), so that a short one need not wait for the end of a long one, and all share a pass over the weights. Each text is what it would be alone.</remarks>
public sealed class TextGenerator : ServedModel
{
    private readonly Gpt2 _model;
    private readonly ITokenizer _tokenizer;
    private readonly GenerationOptions _defaults;
    private readonly TextScheduler _scheduler;
    private SemaphoreSlim _places = new(0);
    private int _generations;
    private Admission _admission = null!;
    private ServerMetrics _metrics = null!;
    private string _name = "";

    /// <summary>Serves a model with its tokenizer.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="defaults">The tokens that end a text, and the decoder that stop strings are looked for with.</param>
    public TextGenerator(Gpt2 model, ITokenizer tokenizer, GenerationOptions defaults)
    {
        (_model, _tokenizer, _defaults, _scheduler) = (model, tokenizer, defaults, new TextScheduler(model));
    }

    /// <inheritdoc/>
    public override string Kind => "text-generation";

    /// <inheritdoc/>
    public override string Summary => $"language model, up to {_model.Config.Positions} tokens";

    /// <inheritdoc/>
    public override Device Device => _model.Device;

    internal override IReadOnlyList<Endpoint> Endpoints =>
    [
        new("POST", "/generate", "generate", context => Generate(context, streams: false),
            """{"inputs": "a text", "parameters": {...}, "stream": false}. Answers {"generated_text": "..."}; with "stream": true an event for each token. """ + $"Parameters: {string.Join(", ", GenerateRequest.Parameters)}.",
            """-H 'Content-Type: application/json' -d '{"inputs": "Once upon a time", "parameters": {"max_new_tokens": 20}}'""", Query: []),
        new("POST", "/generate_stream", "generate", context => Generate(context, streams: true), "The same, always as events (curl -N shows them as they come).", Query: []),
        new("POST", $"/v1/models/{_name}:generate", "generate", context => Generate(context, streams: false), Query: []),
    ];

    internal override JsonObject Describe() => new()
    {
        ["max_tokens"] = _model.Config.Positions,
        ["vocabulary"] = _model.VocabularySize,
        ["parameters"] = new JsonArray([.. GenerateRequest.Parameters.Select(p => (JsonNode)p)]),
    };

    internal override void Start(ServerOptions options, Admission admission, ServerMetrics metrics)
    {
        (_admission, _metrics, _name) = (admission, metrics, options.Name);
        _generations = options.Generations;
        _places = new SemaphoreSlim(_generations);
        _model.Generate([[0]], new GenerationOptions { MaxNewTokens = 1 }); // packs the weights
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        for (; _generations > 0; _generations--)
            await _places.WaitAsync().ConfigureAwait(false); // texts that were broken off still end the token that they are at, in the model's memory
        _scheduler.Dispose();
    }

    private async Task Generate(HttpContext context, bool streams)
    {
        using Admission.Lease lease = _admission.Enter();
        byte[] body = await RequestBody.Bytes(context.Request).ConfigureAwait(false);
        string type = RequestBody.MediaType(context.Request);
        if (!RequestBody.IsJson(type, body))
            throw RequestBody.Unsupported(type, "JSON is due: Content-Type: application/json and {\"inputs\": \"a text\"}.");
        GenerateRequest request = GenerateRequest.Read(body, _defaults);
        int[] prompt = Tokens(request.Inputs);
        int count = request.NewTokens(prompt.Length, _model.Config.Positions);
        var text = new GrowingText(_tokenizer, prompt, request.Options with { MaxNewTokens = count, Seed = request.Options.Seed ?? (request.Options.DoSample ? Random.Shared.Next() : null) });
        await _places.WaitAsync(context.RequestAborted).ConfigureAwait(false);
        try
        {
            if (streams || request.Streams)
                await Stream(context, request, text).ConfigureAwait(false);
            else
                await Whole(context, request, text).ConfigureAwait(false);
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task Whole(HttpContext context, GenerateRequest request, GrowingText text)
    {
        await foreach (int token in Continue(text, context.RequestAborted).ConfigureAwait(false))
            text.Add(token);
        var answer = new JsonObject { ["generated_text"] = text.Generated(request) };
        if (request.HasDetails)
            answer["details"] = text.Details();
        await Answers.Json(context, answer).ConfigureAwait(false);
    }

    /// <summary>Server-sent events (WHATWG HTML, 9.2): one a token; the last one has the whole text besides.</summary>
    private async Task Stream(HttpContext context, GenerateRequest request, GrowingText text)
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8"; // goes out with the first event: what fails before is an answer with a status of its own
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // nginx would gather events
        try
        {
            await foreach (int token in Continue(text, context.RequestAborted).ConfigureAwait(false))
            {
                string piece = text.Add(token);
                await Event(context, new JsonObject
                {
                    ["index"] = text.Count,
                    ["token"] = new JsonObject { ["id"] = token, ["text"] = piece, ["special"] = _defaults.EosTokenIds.Contains(token) },
                    ["generated_text"] = text.IsDone ? text.Generated(request) : null,
                    ["details"] = text.IsDone && request.HasDetails ? text.Details() : null,
                }).ConfigureAwait(false);
            }
        }
        catch (GraftException e) when (context.Response.HasStarted)
        {
            await Event(context, new JsonObject { ["error"] = e.Message }).ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<int> Continue(GrowingText text, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (int token in _scheduler.Continue(text.Prompt, text.Options, cancellation).ConfigureAwait(false))
        {
            _metrics.Token();
            yield return token;
            if (text.IsDone)
                yield break;
        }
    }

    private int[] Tokens(string text)
    {
        try
        {
            int[] tokens = _tokenizer.Encode(text);
            return tokens.Length > 0 ? tokens : throw new RequestException(StatusCodes.Status422UnprocessableEntity, "\"inputs\" is an empty text; one token at least is due.");
        }
        catch (GraftException e)
        {
            throw new RequestException(StatusCodes.Status422UnprocessableEntity, $"\"inputs\": {e.Message}");
        }
    }

    private static async Task Event(HttpContext context, JsonObject data)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {Answers.Line(data)}\n\n"), context.RequestAborted).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Graft.Importers.HuggingFace;
using Graft.Kernels;
using Graft.Models;
using Graft.Serving;
using Graft.Tests.Golden;
using Graft.Tests.Importers.HuggingFace;
using Graft.Importers.Text;
using Xunit;

namespace Graft.Tests.Serving;

/// <summary>Texts that are continued or classified, with small models of random weights.</summary>
public sealed class TextServerTests : IDisposable
{
    private const int End = 260, Positions = 64, Usual = 50;
    private static readonly Gpt2Config s_config = new() { VocabularySize = 261, Positions = Positions, Width = 16, Blocks = 1, Heads = 2, InitializerRange = 0.5f, EosToken = End };

    private readonly TemporaryFiles _files = new();
    private readonly Gpt2Tokenizer _tokenizer;

    public TextServerTests()
    {
        TokenizerFiles.WriteSmall(_files["tokenizer"]);
        _tokenizer = Gpt2Tokenizer.Open(_files["tokenizer"]);
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_text_is_continued_as_by_the_library()
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        await using TestServer server = await Start(gpt);
        foreach (string path in new[] { "/generate", "/v1/models/model:generate" })
        {
            (HttpStatusCode status, JsonNode answer) = await server.Json(path, """{"inputs": "hello w", "parameters": {"max_new_tokens": 12, "seed": null}}""");
            Assert.Equal((HttpStatusCode.OK, Text(gpt, "hello w", new GenerationOptions { MaxNewTokens = 12 })), (status, (string)answer["generated_text"]!));
            Assert.Equal((12, "length", null), ((int)answer["details"]!["generated_tokens"]!, (string)answer["details"]!["finish_reason"]!, answer["details"]!["seed"]));
        }
        (_, JsonNode drawn) = await server.Json("/generate", """{"inputs": "hello w", "parameters": {"temperature": 0.9, "top_k": 20, "top_p": 0.95, "seed": 7, "return_full_text": true, "repetition_penalty": 1.2, "details": false}}""");
        var sampling = new GenerationOptions { MaxNewTokens = Usual, DoSample = true, Temperature = 0.9f, TopK = 20, TopP = 0.95f, Seed = 7, RepetitionPenalty = 1.2f };
        Assert.Equal("hello w" + Text(gpt, "hello w", sampling), (string)drawn["generated_text"]!);
        Assert.Null(drawn["details"]);
        (_, JsonNode random) = await server.Json("/generate", """{"inputs": "hello w", "parameters": {"do_sample": true, "max_new_tokens": 9}}""");
        Assert.Equal((string)random["generated_text"]!, Text(gpt, "hello w", new GenerationOptions { MaxNewTokens = 9, DoSample = true, Seed = (int)random["details"]!["seed"]! })); // it can be had again
        Assert.Equal(Positions, (int)(await server.Get("/v1/models/model"))["max_tokens"]!);
    }

    [Fact]
    public async Task Events_bring_the_text_token_by_token_and_the_last_one_the_whole()
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        await using TestServer server = await TestServer.Start(new TextGenerator(gpt, _tokenizer, Decoding with { EosTokenIds = [] }), gpt);
        const string Parameters = "\"parameters\": {\"max_new_tokens\": 30, \"do_sample\": true, \"seed\": 3}";
        JsonNode[] events = await Events(server, "/generate_stream", $$"""{"inputs": "he", {{Parameters}}}""");
        Assert.Equal(Enumerable.Range(1, 30), events.Select(e => (int)e["index"]!));
        Assert.All(events[..^1], e => Assert.Null(e["generated_text"] ?? e["details"]));
        Assert.Equal("length", (string)events[^1]["details"]!["finish_reason"]!);
        string whole = (string)events[^1]["generated_text"]!;
        Assert.Equal(whole, string.Concat(events.Select(e => (string)e["token"]!["text"]!)));
        Assert.Equal(whole, (string)(await server.Json("/generate", $$"""{"inputs": "he", {{Parameters}}}""")).Answer["generated_text"]!);
        Assert.Equal(events.Select(e => e.ToJsonString()), (await Events(server, "/generate", $$"""{"inputs": "he", "stream": true, {{Parameters}}}""")).Select(e => e.ToJsonString()));
        Assert.Contains("graft_generated_tokens_total{model=\"model\"} 90\n", await server.Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_ends_at_a_stop_string_or_at_the_end_token()
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        await using TestServer server = await Start(gpt);
        string free = Text(gpt, "hello", new GenerationOptions { MaxNewTokens = Usual });
        string stop = free[10..12];
        (_, JsonNode stopped) = await server.Json("/generate", new JsonObject { ["inputs"] = "hello", ["parameters"] = new JsonObject { ["stop"] = new JsonArray(stop) } }.ToJsonString());
        Assert.Equal((free[..(free.IndexOf(stop, StringComparison.Ordinal) + stop.Length)], "stop_sequence"), ((string)stopped["generated_text"]!, (string)stopped["details"]!["finish_reason"]!));

        int third = gpt.Generate([_tokenizer.Encode("hello")], new GenerationOptions { MaxNewTokens = 3 }).Sequences[0].Generated[2];
        await using TestServer other = await TestServer.Start(new TextGenerator(gpt, _tokenizer, Decoding with { EosTokenIds = [third] }), gpt);
        JsonNode[] events = await Events(other, "/generate_stream", """{"inputs": "hello"}""");
        Assert.Equal((third, true, "eos_token"), ((int)events[^1]["token"]!["id"]!, (bool)events[^1]["token"]!["special"]!, (string)events[^1]["details"]!["finish_reason"]!));
    }

    [Fact]
    public async Task Texts_that_are_continued_side_by_side_are_what_each_is_alone()
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        await using TestServer server = await Start(gpt, new ServerOptions { Generations = 3 });
        string[] prompts = [.. Enumerable.Range(0, 12).Select(i => $"hello {i}")];
        (HttpStatusCode Status, JsonNode Answer)[] answers = await Task.WhenAll(prompts.Select((p, i) => server.Json("/generate", Request(p, 20 + i, seed: i))));
        Assert.Equal(prompts.Select((p, i) => Text(gpt, p, new GenerationOptions { DoSample = true, Seed = i, MaxNewTokens = 20 + i })), answers.Select(a => (string)a.Answer["generated_text"]!));
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_its_text()
    {
        const int Long = 20_000;
        Gpt2 gpt = Gpt2.Build(s_config with { Positions = Long + 8 });
        gpt.MoveTo(new Device(KernelSet.Cpu)); // with blocks of its own: tests beside this one free theirs
        Text(gpt, "he", new GenerationOptions { MaxNewTokens = 1 });
        int blocks = gpt.Device.Pool.LiveBlocks;
        await using TestServer server = await Start(gpt);
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/generate_stream") { Content = Content(Request("he", Long)) })
        using (HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestServer.Cancellation))
            Assert.Equal(1, server.Server.InProgress);
        await server.InProgress(0);
        while (!(await server.Metrics()).Contains("endpoint=\"generate\",status=\"499\"} 1\n", StringComparison.Ordinal))
            await Task.Delay(1, TestServer.Cancellation); // the request is counted behind its end
        Assert.DoesNotContain($"graft_generated_tokens_total{{model=\"model\"}} {Long}\n", await server.Metrics(), StringComparison.Ordinal);
        Assert.Equal(blocks, gpt.Device.Pool.LiveBlocks);
    }

    [Fact]
    public async Task A_text_that_takes_longer_than_the_end_may_is_broken_off()
    {
        const int Long = 20_000;
        Gpt2 gpt = Gpt2.Build(s_config with { Positions = Long + 8 });
        await using TestServer server = await Start(gpt, new ServerOptions { DrainTime = TimeSpan.FromMilliseconds(50) });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/generate_stream") { Content = Content(Request("he", Long)) };
        using HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestServer.Cancellation);
        await server.Server.StopAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.LoadIntoBufferAsync(TestServer.Cancellation));
        Assert.Equal(0, server.Server.InProgress);
    }

    [Theory]
    [InlineData(HttpStatusCode.UnprocessableEntity, "has 3 tokens and max_new_tokens is 62; this model takes 64 together. Ask for 61 or fewer.", """{"inputs": "hello w", "parameters": {"max_new_tokens": 62}}""")]
    [InlineData(HttpStatusCode.UnprocessableEntity, "\"inputs\" is an empty text", """{"inputs": ""}""")]
    [InlineData(HttpStatusCode.UnprocessableEntity, "has 64 tokens; this model takes 64, of which one at least is new", """{"inputs": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}""")]
    [InlineData(HttpStatusCode.BadRequest, "has no \"inputs\"", "{}")]
    [InlineData(HttpStatusCode.BadRequest, "\"inputs\" is array; a text is due", """{"inputs": ["a"]}""")]
    [InlineData(HttpStatusCode.BadRequest, "has \"prompt\"; it takes \"inputs\"", """{"prompt": "a"}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"parameters\" has \"max_tokens\", which is not known here; known are max_new_tokens", """{"inputs": "a", "parameters": {"max_tokens": 3}}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"parameters\" is no object", """{"inputs": "a", "parameters": 3}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"max_new_tokens\" is 0; a whole number from 1", """{"inputs": "a", "parameters": {"max_new_tokens": 0}}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"temperature\" is 0; a number above 0 is due", """{"inputs": "a", "parameters": {"temperature": 0}}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"top_p\" is 1.5; a number above 0 and up to 1", """{"inputs": "a", "parameters": {"top_p": 1.5}}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"do_sample\" is 1; true or false", """{"inputs": "a", "parameters": {"do_sample": 1}}""")]
    [InlineData(HttpStatusCode.BadRequest, "do_sample is false, but top_k, seed are for sampling", """{"inputs": "a", "parameters": {"do_sample": false, "top_k": 3, "seed": 1}}""")]
    [InlineData(HttpStatusCode.BadRequest, "\"stop\" has an empty text", """{"inputs": "a", "parameters": {"stop": ["."  , ""]}}""")]
    [InlineData(HttpStatusCode.BadRequest, "The body is no JSON: Duplicate property 'inputs'", """{"inputs": "a", "inputs": "b"}""")]
    [InlineData(HttpStatusCode.BadRequest, "The body is no JSON", """{"inputs": """)]
    [InlineData(HttpStatusCode.UnsupportedMediaType, "The body is text/plain; JSON is due", "a", "text/plain")]
    public async Task What_cannot_be_continued_is_told(HttpStatusCode status, string words, string body, string type = "application/json")
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        await using TestServer server = await Start(gpt);
        await server.Fails(status, words, "/generate", body, type);
        await server.Fails(status, words, "/generate_stream", body, type);
        await server.Fails(HttpStatusCode.BadRequest, "?top: /generate has no such parameter; it takes none.", "/generate?top=3", body, type);
    }

    [Theory]
    [InlineData(End)]
    [InlineData(null)]
    public async Task Texts_are_classified_with_the_bits_of_each_alone(int? pad)
    {
        Gpt2Classifier model = Gpt2Classifier.Build(s_config with { ClassNames = ["ham", "spam"], PadToken = pad });
        await using TestServer server = await TestServer.Start(new TextClassifier(model, _tokenizer), model);
        string[] texts = ["hello", "hello hello w", "a text of twenty tokens..", new('x', 100), "hallo"];
        (HttpStatusCode status, JsonNode answer) = await server.Json("/predict", new JsonObject { ["instances"] = new JsonArray([.. texts.Select(t => (JsonNode)t)]) }.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, status);
        JsonArray predictions = answer["predictions"]!.AsArray();
        for (int i = 0; i < texts.Length; i++)
        {
            int[] tokens = _tokenizer.Encode(texts[i]);
            int length = Math.Min(Positions, tokens.Length);
            float[] expected = Gpt2Classifier.Probabilities(model.Predict(PaddedTextBatches.Rows([tokens], length, 0), new Shape(1, length), TestServer.Cancellation)[0]);
            int best = expected[0] >= expected[1] ? 0 : 1;
            Assert.Equal([(model.ClassNames[best], expected[best]), (model.ClassNames[1 - best], expected[1 - best])], predictions[i]!["top"]!.AsArray().Select(c => ((string)c!["class"]!, (float)c["probability"]!)));
            Assert.Equal(tokens.Length > Positions, (bool?)predictions[i]!["truncated"] ?? false);
        }
        (_, JsonNode plain) = await server.Post("/predict", new StringContent(texts[1]), "text/plain");
        Assert.Equal(predictions[1]!.ToJsonString(), plain["predictions"]![0]!.ToJsonString());
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] is a number; a text is due", "/predict", """{"instances": [1]}""");
        await server.Fails(HttpStatusCode.UnprocessableEntity, "instances[1] is an empty text", "/predict", """{"instances": ["a", ""]}""");
        await server.Fails(HttpStatusCode.UnsupportedMediaType, "The body is image/png; a text", "/predict", "a", "image/png");
        (HttpStatusCode no, JsonNode error) = await server.Bytes("/predict", [0x61, 0xFF], "text/plain");
        Assert.Equal((HttpStatusCode.BadRequest, "The body is no UTF-8: byte 1 does not belong there. Send the text as UTF-8."), (no, (string)error["error"]!));
    }

    private GenerationOptions Decoding => new() { EosTokenIds = [End], TokenText = () => new Decoder(_tokenizer.Stream()) };

    private Task<TestServer> Start(Gpt2 gpt, ServerOptions? options = null) => TestServer.Start(new TextGenerator(gpt, _tokenizer, Decoding), gpt, options);

    private string Text(Gpt2 gpt, string prompt, GenerationOptions options) =>
        _tokenizer.Decode(gpt.Generate([_tokenizer.Encode(prompt)], options with { EosTokenIds = [End] }).Sequences[0].Generated.ToArray(), skipSpecialTokens: true);

    private static string Request(string inputs, int tokens, int? seed = null) =>
        new JsonObject { ["inputs"] = inputs, ["parameters"] = new JsonObject { ["max_new_tokens"] = tokens, ["seed"] = seed } }.ToJsonString();

    private static StringContent Content(string json) => new(json, System.Text.Encoding.UTF8, "application/json");

    private static async Task<JsonNode[]> Events(TestServer server, string path, string body)
    {
        using HttpResponseMessage response = await server.Client.PostAsync(path, Content(body), TestServer.Cancellation);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string[] events = (await response.Content.ReadAsStringAsync(TestServer.Cancellation)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        return [.. events.Select(e => JsonNode.Parse(e["data: ".Length..])!)];
    }

    private sealed class Decoder(TokenStream stream) : ITokenText
    {
        public string Append(int token) => stream.Push(token);

        public string Finish() => stream.Flush();
    }
}

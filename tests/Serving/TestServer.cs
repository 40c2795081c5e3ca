using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Graft.Serving;
using Xunit;

namespace Graft.Tests.Serving;

/// <summary>A server at a free port, and a client of it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    /// <summary>Milliseconds after which a computation that a test holds up fails: a test that goes wrong meanwhile ends.</summary>
    public const int Patience = 60_000;

    private readonly ServedModel _served;
    private readonly Model _model;

    private TestServer(ServedModel served, Model model, ModelServer server)
    {
        (_served, _model, Server) = (served, model, server);
        Client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(2) };
    }

    public ModelServer Server { get; }

    public HttpClient Client { get; }

    public static async Task<TestServer> Start(ServedModel served, Model model, ServerOptions? options = null) =>
        new(served, model, await ModelServer.StartAsync(served, (options ?? new ServerOptions()) with { Port = 0 }, Cancellation));

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async Task<JsonNode> Get(string path)
    {
        (HttpStatusCode status, JsonNode answer) = await Read(await Client.GetAsync(path, Cancellation));
        Assert.Equal(HttpStatusCode.OK, status);
        return answer;
    }

    public Task<string> Metrics() => Client.GetStringAsync("/metrics", Cancellation);

    public Task<(HttpStatusCode Status, JsonNode Answer)> Json(string path, string json) => Post(path, new StringContent(json), "application/json");

    public Task<(HttpStatusCode Status, JsonNode Answer)> Bytes(string path, byte[] bytes, string? type) => Post(path, new ByteArrayContent(bytes), type);

    public async Task<(HttpStatusCode Status, JsonNode Answer)> Post(string path, HttpContent content, string? type)
    {
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return await Read(await Client.PostAsync(path, content, Cancellation));
    }

    /// <summary>Posts, and finds an error whose words are these.</summary>
    public async Task Fails(HttpStatusCode status, string words, string path, string body, string? type = "application/json")
    {
        (HttpStatusCode found, JsonNode answer) = await Post(path, new StringContent(body), type);
        Assert.Contains(words, (string)answer["error"]!, StringComparison.Ordinal);
        Assert.Equal(status, found);
    }

    /// <summary>Waits until so many samples are in the server.</summary>
    public async Task InProgress(int samples)
    {
        while (Server.InProgress != samples)
            await Task.Delay(1, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        await _served.DisposeAsync();
        _model.Release();
    }

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> Read(HttpResponseMessage response)
    {
        using (response)
        {
            Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
            return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!);
        }
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Graft.Inference;
using Graft.Layers;
using Graft.Serving;
using Xunit;

namespace Graft.Tests.Serving;

/// <summary>Numbers in TensorFlow Serving's JSON, batches under load, and the end of a server.</summary>
public sealed class NumericServerTests
{
    private const int Features = 5;

    [Fact]
    public async Task Instances_are_answered_with_the_bits_of_Predict()
    {
        var model = new Sequential(Features) { new Dense(7, Activation.Tanh), new Dense(3) };
        await using TestServer server = await Start(model, new ServerOptions { Name = "mlp" });
        float[][] samples = Samples(20);
        (HttpStatusCode status, JsonNode answer) = await server.Json("/v1/models/mlp:predict", Instances(samples));
        Assert.Equal(HttpStatusCode.OK, status);
        float[][] expected = model.Predict([.. samples.SelectMany(s => s)], new Shape(20, Features), TestServer.Cancellation);
        Assert.Equal(expected, Rows(answer));
        Assert.Equal(expected[..1], Rows((await server.Post("/predict", new StringContent(Instances(samples[..1])), "application/x-www-form-urlencoded")).Answer)); // as curl -d sends it

        JsonNode description = await server.Get("/v1/models/mlp");
        Assert.Equal(("mlp", true, "numeric", "cpu"), ((string)description["name"]!, (bool)description["ready"]!, (string)description["task"]!, (string)description["device"]!));
        Assert.Equal($"[-1,{Features}]", description["inputs"]![0]!["shape"]!.ToJsonString());
        Assert.Equal("""{"models":["mlp"]}""", (await server.Get("/v1/models")).ToJsonString());
        Assert.Equal("ok", (string)(await server.Get("/health"))["status"]!);
        string help = await server.Client.GetStringAsync("/", TestServer.Cancellation);
        Assert.Contains("""-d '{"instances": [[0, 0, 0, 0, 0]]}'""", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_inputs_and_outputs_have_names()
    {
        Node a = Node.Input(new Shape(2)), b = Node.Input(new Shape(2, 2));
        var model = new Model([a, b], [new Add().Apply(a, new GlobalAveragePooling1D().Apply(b)), b]);
        await using TestServer server = await TestServer.Start(new NumericModel(model, ["a", "b"], ["sum", "same"]), model);
        (_, JsonNode answer) = await server.Json("/predict", """{"signature_name": "serving_default", "instances": [{"a": [1, 2], "b": [[3, 4], [5, 6]]}, {"b": [[0, 0], [0, 0]], "a": [-1e-3, 7]}]}""");
        Assert.Equal("""{"predictions":[{"sum":[5,7],"same":[[3,4],[5,6]]},{"sum":[-0.001,7],"same":[[0,0],[0,0]]}]}""", answer.ToJsonString());
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] names no inputs; the model has 'a', 'b'", "/predict", """{"instances": [[1, 2]]}""");
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] has no \"b\"", "/predict", """{"instances": [{"a": [1, 2]}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "has \"c\"; the model has no such input, but 'a', 'b'", "/predict", """{"instances": [{"c": [1, 2]}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "has \"a\" twice", "/predict", """{"instances": [{"a": [1, 2], "a": [1, 2]}]}""");
    }

    [Theory]
    [InlineData("""{"instances": [[1, 2, 3, 4, 5], [1, 2]]}""", "instances[1] has 2 entries; input 'x' takes [5], so 5 are due.")]
    [InlineData("""{"instances": [[1, 2, 3, 4, 5, 6]]}""", "instances[0] has more than 5 entries")]
    [InlineData("""{"instances": [[1, 2, 3, 4, "5"]]}""", "instances[0][4] is a text; a number")]
    [InlineData("""{"instances": [[1, 2, 3, 4, [5]]]}""", "instances[0][4] is a list; a number")]
    [InlineData("""{"instances": [[1, 2, 3, 4, 1e39]]}""", "instances[0][4] is too large")]
    [InlineData("""{"instances": [[1, 2, 3, 4, NaN]]}""", "The body is no JSON: 'N' is an invalid start of a value")]
    [InlineData("""{"instances": [null]}""", "instances[0] is null; a list of 5")]
    [InlineData("""{"instances": {}}""", "\"instances\" is an object; a list")]
    [InlineData("""{"instances": []}""", "\"instances\" is empty")]
    [InlineData("""{"instances": [[1, 2, 3, 4, 5]], "instances": []}""", "\"instances\" twice")]
    [InlineData("""{"inputs": [[1, 2, 3, 4, 5]]}""", "has \"inputs\"; it takes \"instances\"")]
    [InlineData("""{"signature_name": "other", "instances": [[1, 2, 3, 4, 5]]}""", "no other signature")]
    [InlineData("{}", "has no \"instances\"")]
    [InlineData("[]", "The body is a list; an object")]
    [InlineData("""{"instances": [[1, 2, 3, 4, 5]]} x""", "The body is no JSON")]
    [InlineData("{", "The body is no JSON")]
    public async Task A_body_that_does_not_fit_is_told_with_its_place(string body, string words)
    {
        await using TestServer server = await Start(new Sequential(Features) { new Dense(2) });
        await server.Fails(HttpStatusCode.BadRequest, words, "/predict", body);
    }

    [Fact]
    public async Task Other_requests_are_refused_with_what_is_due()
    {
        await using TestServer server = await Start(new Sequential(Features) { new Dense(2) }, new ServerOptions { MaxBody = 1000, Queue = 3 });
        await server.Fails(HttpStatusCode.UnsupportedMediaType, "The body is text/csv; this model takes numbers as JSON", "/predict", "1,2,3", "text/csv");
        await server.Fails(HttpStatusCode.BadRequest, "has no body", "/predict", "");
        await server.Fails(HttpStatusCode.RequestEntityTooLarge, "larger than 1000 bytes (--max-body)", "/predict", new string(' ', 1001));
        await server.Fails(HttpStatusCode.RequestEntityTooLarge, "more than 3 instances", "/predict", Instances(Samples(4)));
        await server.Fails(HttpStatusCode.NotFound, "/v1/models/other:predict: no such path for model 'model'", "/v1/models/other:predict", "{}");
        await server.Fails(HttpStatusCode.NotFound, "is a model for numeric", "/generate", "{}");
        using HttpResponseMessage wrong = await server.Client.GetAsync("/predict", TestServer.Cancellation);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "POST"), (wrong.StatusCode, string.Join(",", wrong.Content.Headers.Allow)));
        string metrics = await server.Metrics();
        Assert.Contains("graft_requests_total{model=\"model\",endpoint=\"predict\",status=\"413\"} 2\n", metrics, StringComparison.Ordinal);
        Assert.Contains("graft_requests_total{model=\"model\",endpoint=\"other\",status=\"404\"} 2\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_that_JSON_cannot_carry_are_an_error_of_the_sample()
    {
        var model = new Sequential(1) { new Lambda((tape, x) => tape.Run(new Graft.Ops.BinaryOp(Graft.Kernels.BinaryFormula.Multiply), x, x)) };
        await using TestServer server = await Start(model);
        await server.Fails(HttpStatusCode.UnprocessableEntity, "Output 'y' of sample 1 has NaN or infinity", "/predict", """{"instances": [[1], [1e30]]}""");
    }

    [Fact]
    public async Task A_failure_of_the_server_is_said_to_its_owner_and_the_server_goes_on()
    {
        bool fails = false;
        var errors = new List<string>();
        var model = new Sequential(1) { new Lambda((_, x) => fails ? throw new InvalidOperationException("a fault inside") : x) };
        model.PlanOptions = PlanOptions.Eager;
        await using TestServer server = await Start(model, new ServerOptions { LogError = errors.Add });
        fails = true;
        await server.Fails(HttpStatusCode.InternalServerError, "The server failed", "/predict", """{"instances": [[1]]}""");
        Assert.Equal("POST /predict: InvalidOperationException: a fault inside", Assert.Single(errors));
        fails = false;
        Assert.Equal(HttpStatusCode.OK, (await server.Json("/predict", """{"instances": [[1]]}""")).Status);
    }

    [Fact]
    public async Task Concurrent_requests_share_batches_and_each_gets_its_own_answer()
    {
        using var gate = new Gate();
        Sequential model = gate.Model();
        await using TestServer server = await Start(model, new ServerOptions { BatchDelay = TimeSpan.FromMinutes(1) });
        float[][] samples = Samples(41);
        gate.Close();
        List<Task<(HttpStatusCode Status, JsonNode Answer)>> requests = [server.Json("/predict", Instances(samples[..1]))];
        await gate.Reached();
        requests.AddRange(samples[1..].Select(s => server.Json("/predict", Instances([s]))));
        await server.InProgress(41);
        gate.Open();
        (HttpStatusCode Status, JsonNode Answer)[] answers = await Task.WhenAll(requests);
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Status));
        Assert.Equal(samples.Select(s => model.Predict(s, new Shape(1, Features), TestServer.Cancellation)[0]), answers.Select(a => Rows(a.Answer)[0]));
        string metrics = await server.Metrics();
        Assert.Contains("graft_batch_size_count{model=\"model\"} 4\n", metrics, StringComparison.Ordinal); // 1, 16, 16, 8
        Assert.Contains("graft_batch_size_bucket{model=\"model\",le=\"8\"} 2\n", metrics, StringComparison.Ordinal);
        Assert.Contains("graft_batch_size_sum{model=\"model\"} 41\n", metrics, StringComparison.Ordinal);
        Assert.Contains("graft_samples_in_progress{model=\"model\"} 0\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_server_says_so_and_takes_requests_again_when_it_has_room()
    {
        using var gate = new Gate();
        await using TestServer server = await Start(gate.Model(), new ServerOptions { Queue = 2, MaxBatch = 1 });
        string body = Instances(Samples(1));
        gate.Close();
        Task<(HttpStatusCode Status, JsonNode Answer)>[] requests = [server.Json("/predict", body), server.Json("/predict", body)];
        await server.InProgress(2);
        using (HttpResponseMessage refused = await server.Client.PostAsync("/predict", new StringContent(body), TestServer.Cancellation))
            Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (refused.StatusCode, refused.Headers.RetryAfter!.Delta));
        gate.Open();
        Assert.All(await Task.WhenAll(requests), r => Assert.Equal(HttpStatusCode.OK, r.Status));
        Assert.Equal(HttpStatusCode.OK, (await server.Json("/predict", body)).Status);
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_is_under_way_and_takes_nothing_more()
    {
        using var gate = new Gate();
        await using TestServer server = await Start(gate.Model());
        gate.Close();
        Task<(HttpStatusCode Status, JsonNode Answer)> request = server.Json("/predict", Instances(Samples(1)));
        await gate.Reached();
        Task stopped = server.Server.StopAsync();
        using var other = new HttpClient { BaseAddress = server.Server.Address };
        await Assert.ThrowsAsync<HttpRequestException>(() => other.GetAsync("/health", TestServer.Cancellation));
        Assert.False(stopped.IsCompleted);
        gate.Open();
        Assert.Equal(HttpStatusCode.OK, (await request).Status);
        await stopped;
    }

    [Fact]
    public async Task Memory_of_recurrent_layers_ends_with_a_batch()
    {
        var model = new Sequential(3, 2) { new LSTM(4) { Stateful = true } };
        await using TestServer server = await Start(model);
        const string Body = """{"instances": [[[1, 2], [3, 4], [5, 6]]]}""";
        string first = (await server.Json("/predict", Body)).Answer.ToJsonString();
        Assert.Equal(first, (await server.Json("/predict", Body)).Answer.ToJsonString());
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told()
    {
        var model = new Sequential(1) { new Dense(1) };
        await using TestServer server = await Start(model);
        int port = server.Server.Address.Port;
        GraftException e = await Assert.ThrowsAsync<GraftException>(() => ModelServer.StartAsync(new NumericModel(model, ["x"], ["y"]), new ServerOptions { Port = port }, TestServer.Cancellation));
        Assert.Equal($"Cannot listen at 127.0.0.1:{port}: another program has that port. Stop it, or take another with --port; 0 finds a free one.", e.Message);
    }

    private static Task<TestServer> Start(Sequential model, ServerOptions? options = null) => TestServer.Start(new NumericModel(model, ["x"], ["y"]), model, options);

    private static float[][] Samples(int count) => [.. Enumerable.Range(0, count).Select(n => Enumerable.Range(0, Features).Select(i => MathF.Sin(n * Features + i)).ToArray())];

    private static string Instances(IEnumerable<float[]> samples) => new JsonObject { ["instances"] = new JsonArray([.. samples.Select(s => new JsonArray([.. s.Select(v => (JsonNode)v)]))]) }.ToJsonString();

    private static float[][] Rows(JsonNode answer) => [.. answer["predictions"]!.AsArray().Select(r => r!.AsArray().Select(v => (float)v!).ToArray())];

    /// <summary>A model whose computation a test can hold up.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly ManualResetEventSlim _open = new(initialState: true);
        private readonly SemaphoreSlim _reached = new(0);

        public Sequential Model()
        {
            var gate = new Lambda((_, x) =>
            {
                _reached.Release();
                if (!_open.Wait(TestServer.Patience))
                    throw new TimeoutException("Nobody opens the gate.");
                return x;
            });
            var model = new Sequential(Features) { gate, new Dense(4) };
            model.PlanOptions = PlanOptions.Eager; // a plan would call it when it is made, and never again
            return model;
        }

        public void Close()
        {
            while (_reached.Wait(0))
            {
                // what the server computed when it started does not count
            }
            _open.Reset();
        }

        public Task Reached() => _reached.WaitAsync(TestServer.Cancellation);

        public void Open() => _open.Set();

        public void Dispose()
        {
            _open.Dispose();
            _reached.Dispose();
        }
    }
}

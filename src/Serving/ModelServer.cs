using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Kernels.Cuda;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Graft.Serving;

/// <summary>Answers for one model over HTTP.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    private const int ClientGone = 499; // nginx's number: there is no standard one, and nobody reads it but logs
    private const string Elsewhere = "other";

    private readonly ServedModel _model;
    private readonly ServerOptions _options;
    private readonly Admission _admission;
    private readonly ServerMetrics _metrics;
    private readonly WebApplication _application;
    private readonly Endpoint[] _endpoints;
    private bool _isStopped;

    private ModelServer(ServedModel model, ServerOptions options)
    {
        (_model, _options, _admission) = (model, options, new Admission(options.Queue));
        _metrics = new ServerMetrics(options.Name, () => _admission.Taken);
        model.Start(options, _admission, _metrics);
        _endpoints =
        [
            .. model.Endpoints,
            new("GET", $"/v1/models/{options.Name}", "model", context => Answers.Json(context, Describe()), "What the model takes and gives."),
            new("GET", "/v1/models", "models", context => Answers.Json(context, new JsonObject { ["models"] = new JsonArray(options.Name) }), "The models of this server: one."),
            new("GET", "/health", "health", context => Answers.Json(context, new JsonObject { ["status"] = "ok" }), "200 while the server answers."),
            new("GET", "/metrics", "metrics", context => Answers.Text(context, "text/plain; version=0.0.4; charset=utf-8", _metrics.ToString()), "Counts, latencies and batch sizes, for Prometheus."),
            new("GET", "/", "help", Help, "This page."),
        ];
        _application = Build();
        _application.Run(Answer);
    }

    /// <summary>The address at which it answers.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Samples that are being read, wait or are computed.</summary>
    public int InProgress => _admission.Taken;

    /// <summary>Tries the model, and begins to listen.</summary>
    /// <exception cref="GraftException">The address cannot be taken, or the model cannot compute.</exception>
    public static async Task<ModelServer> StartAsync(ServedModel model, ServerOptions options, CancellationToken cancellationToken = default)
    {
        var server = new ModelServer(model, options);
        try
        {
            await server._application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            string why = (e as SocketException ?? e.InnerException?.InnerException as SocketException)?.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "another program has that port. Stop it, or take another with --port; 0 finds a free one.",
                SocketError.AccessDenied => "this port needs more rights. Take one from 1024 on with --port.",
                SocketError.AddressNotAvailable => "this machine has no such address. Take 127.0.0.1, 0.0.0.0 or one of its own with --host.",
                _ => e.Message,
            };
            throw new GraftException($"Cannot listen at {new IPEndPoint(options.Address, options.Port)}: {why}", e);
        }
        server.Address = new Uri(server._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return server;
    }

    /// <summary>Takes no more requests, answers those that are under way, and ends; those that take longer than <see cref="ServerOptions.DrainTime"/> are broken off.</summary>
    public async Task StopAsync()
    {
        if (_isStopped)
            return;
        _isStopped = true;
        using var patience = new CancellationTokenSource(_options.DrainTime);
        await _application.StopAsync(patience.Token).ConfigureAwait(false);
        await _model.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    // Nothing but the server itself: no configuration files, no variables, no loggers, no handlers of signals.
    private WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = _options.DrainTime);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = _options.MaxBody;
            kestrel.Listen(_options.Address, _options.Port);
        });
        return builder.Build();
    }

    private async Task Answer(HttpContext context)
    {
        long start = Stopwatch.GetTimestamp();
        Endpoint? endpoint = null;
        int status;
        try
        {
            endpoint = Find(context.Request);
            Check(endpoint, context);
            await endpoint.Answer(context).ConfigureAwait(false);
            status = context.Response.StatusCode;
        }
        catch (Exception e)
        {
            status = await Fail(context, e).ConfigureAwait(false);
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _metrics.Request(endpoint?.Label ?? Elsewhere, status, seconds);
        _options.Log?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss.fff} {context.Request.Method} {context.Request.Path.ToUriComponent()} {status} {seconds * 1000:F1} ms"));
    }

    private Endpoint Find(HttpRequest request)
    {
        string method = HttpMethods.IsHead(request.Method) ? HttpMethods.Get : request.Method, path = request.Path.Value ?? "/";
        Endpoint[] there = Array.FindAll(_endpoints, e => e.Path == path);
        if (Array.Find(there, e => e.Method == method) is { } endpoint)
            return endpoint;
        if (there.Length > 0)
        {
            request.HttpContext.Response.Headers.Allow = there[0].Method;
            throw new RequestException(StatusCodes.Status405MethodNotAllowed, $"{request.Method} {path}: this path takes {there[0].Method}. GET / shows how.");
        }
        throw new RequestException(StatusCodes.Status404NotFound, $"{path}: no such path for model '{_options.Name}', which is a model for {_model.Kind}. There are {string.Join(", ", _endpoints.Select(e => e.Path))}.");
    }

    /// <summary>Refuses what would be passed over, or read as something else, before any work.</summary>
    private static void Check(Endpoint endpoint, HttpContext context)
    {
        HttpRequest request = context.Request;
        if (endpoint.Query is { } known && request.Query.FirstOrDefault(q => !known.Contains(q.Key, StringComparer.OrdinalIgnoreCase) || q.Value.Count > 1) is { Key: { } name, Value: var values })
        {
            string takes = known.Count == 0 ? "it takes none" : $"it takes {string.Join(" and ", known.Select(k => $"?{k}"))}, each once";
            throw new RequestException(StatusCodes.Status400BadRequest, $"?{name}: {(known.Contains(name, StringComparer.OrdinalIgnoreCase) ? $"comes {values.Count} times" : $"{request.Path} has no such parameter")}; {takes}. GET / shows how.");
        }
        if (endpoint.Method != HttpMethods.Post || request.Headers.ContentEncoding.ToString() is not { Length: > 0 } encoding || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            return;
        context.Response.Headers.AcceptEncoding = "identity"; // RFC 9110, 15.5.16
        throw new RequestException(StatusCodes.Status415UnsupportedMediaType, $"The body is encoded as {encoding} (Content-Encoding), which this server does not unpack; send it as it is.");
    }

    /// <summary>Tells the sender of a request what is wrong, and the owner of the server where it is the server's fault.</summary>
    private async Task<int> Fail(HttpContext context, Exception e)
    {
        (int status, string message) = e switch
        {
            _ when context.RequestAborted.IsCancellationRequested => (ClientGone, ""),
            RequestException r => (r.Status, r.Message),
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => (StatusCodes.Status413PayloadTooLarge, $"The body is larger than {_options.MaxBody} bytes (--max-body); send less at once."),
            BadHttpRequestException b => (b.StatusCode, b.Message),
            GraftException g and not CudaException => (StatusCodes.Status422UnprocessableEntity, g.Message), // the model was tried at the start: it is this request's numbers
            _ => (StatusCodes.Status500InternalServerError, "The server failed; its standard error says how."),
        };
        if (status == StatusCodes.Status500InternalServerError)
            _options.LogError?.Invoke($"{context.Request.Method} {context.Request.Path.ToUriComponent()}: {e.GetType().Name}: {e.Message}");
        if (status == ClientGone)
            return status;
        if (context.Response.HasStarted)
        {
            context.Abort(); // an answer that is cut off must not look whole
            return status;
        }
        context.Response.Headers.RetryAfter = status == StatusCodes.Status503ServiceUnavailable ? "1" : default;
        await Answers.Error(context, status, message).ConfigureAwait(false);
        return status;
    }

    private JsonObject Describe()
    {
        var description = new JsonObject { ["name"] = _options.Name, ["ready"] = true, ["task"] = _model.Kind, ["device"] = _model.Device.Name };
        JsonObject own = _model.Describe();
        foreach ((string name, JsonNode? value) in own.ToArray())
        {
            own.Remove(name);
            description[name] = value;
        }
        return description;
    }

    private Task Help(HttpContext context)
    {
        var text = new StringBuilder($"Graft serves '{_options.Name}' ({_model.Summary}) on {_model.Device.Name}.\n\n");
        foreach (Endpoint endpoint in _endpoints.Where(e => e.Help is not null))
        {
            text.Append(CultureInfo.InvariantCulture, $"{endpoint.Method} {endpoint.Path}\n    {endpoint.Help}\n");
            if (endpoint.Example is not null)
                text.Append(CultureInfo.InvariantCulture, $"    curl {endpoint.Example} {context.Request.Scheme}://{context.Request.Host}{endpoint.Path}\n");
        }
        foreach (Endpoint other in _endpoints.Where(e => e.Help is null))
            text.Append(CultureInfo.InvariantCulture, $"{other.Method} {other.Path}\n    Another name of /{other.Label}.\n");
        return Answers.Text(context, "text/plain; charset=utf-8", text.ToString());
    }

    /// <summary>Leaves signals to the program that the server is part of.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

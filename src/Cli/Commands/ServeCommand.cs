using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Graft.Serving;

namespace Graft.Cli.Commands;

/// <summary>graft serve: answers for a model over HTTP.</summary>
internal static partial class ServeCommand
{
    private const int MostSamples = 100_000, MostMegabytes = 1024, LongestDelay = 1000;

    public static Command Create(Terminal terminal)
    {
        var standard = new ServerOptions();
        var models = new ServedModels();
        var name = new Option<string?>("--name") { Description = "The model's name in paths, as in /v1/models/NAME; by default that of its file or folder." };
        var host = new Option<string>("--host") { DefaultValueFactory = _ => "localhost", Description = "Address to listen at: localhost, which other machines cannot reach, 0.0.0.0 for all of this machine's, or one of them. There is no password: put a proxy before it where others can reach it." };
        var port = new Option<int>("--port") { DefaultValueFactory = _ => standard.Port, Description = "Port to listen at; 0 takes a free one." };
        var batch = new Option<int>("--max-batch") { DefaultValueFactory = _ => standard.MaxBatch, Description = "Most samples, of one request or of several, that are computed together: 1 to 32." };
        var delay = new Option<double>("--batch-delay") { DefaultValueFactory = _ => standard.BatchDelay.TotalMilliseconds, Description = "Milliseconds that a sample waits for others that are being read, at most." };
        var queue = new Option<int>("--queue") { DefaultValueFactory = _ => standard.Queue, Description = "Samples in the server at one time, at most; requests beyond are answered with 503." };
        var body = new Option<int>("--max-body") { DefaultValueFactory = _ => (int)(standard.MaxBody >> 20), Description = "Largest body of a request, in megabytes." };
        var parallel = new Option<int>("--parallel") { DefaultValueFactory = _ => standard.Generations, Description = "Texts that a language model continues side by side; others wait." };
        var verbose = new Option<bool>("--verbose") { Description = "Print a line for each request." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string?> device = DeviceOption.Create();
        var command = new Command("serve", "Answer over HTTP for a model: classes of images or texts, numbers, continued texts. GET / on the server lists its paths; docs/serving.md has them in full.")
        {
            name, host, port, batch, delay, queue, body, parallel, verbose, threads, device,
        };
        models.AddTo(command);
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            TextWriter error = TextWriter.Synchronized(parsed.InvocationConfiguration.Error);
            var lines = new Lock();
            var options = new ServerOptions
            {
                Address = Address(parsed.GetRequiredValue(host)),
                Port = (int)FinetuneCommand.Within(parsed.GetValue(port), IPEndPoint.MinPort, IPEndPoint.MaxPort, "--port"),
                MaxBatch = (int)FinetuneCommand.Within(parsed.GetValue(batch), 1, ServerOptions.LargestBatch, "--max-batch"),
                BatchDelay = TimeSpan.FromMilliseconds(FinetuneCommand.Within(parsed.GetValue(delay), 0, LongestDelay, "--batch-delay")),
                Queue = (int)FinetuneCommand.Within(parsed.GetValue(queue), 1, MostSamples, "--queue"),
                MaxBody = (long)FinetuneCommand.Within(parsed.GetValue(body), 1, MostMegabytes, "--max-body") << 20,
                Generations = (int)FinetuneCommand.Within(parsed.GetValue(parallel), 1, MostSamples, "--parallel"),
                Log = parsed.GetValue(verbose) ? line => { lock (lines) terminal.Line(line); } : null,
                LogError = line => error.WriteLine($"graft: {line}"),
            };
            string called = parsed.GetValue(name) ?? models.NameOf(parsed);
            if (!Names().IsMatch(called))
                throw new UsageException($"--name {called}: is no name for a path; take letters, digits, '.', '_' and '-', 64 at most.");
            ServedModel model = models.Open(parsed, terminal);
            Serve(terminal, model, options with { Name = called }).GetAwaiter().GetResult();
            return Application.Done;
        });
        return command;
    }

    /// <summary>Answers until Ctrl+C or SIGTERM, and then what is under way.</summary>
    private static async Task Serve(Terminal terminal, ServedModel model, ServerOptions options)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(terminal.Interrupt);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true; // the process ends when the server has
            end.Cancel();
        });
        await using ModelServer server = await ModelServer.StartAsync(model, options, terminal.Interrupt).ConfigureAwait(false);
        terminal.Line($"Serving '{options.Name}' ({model.Summary}) on {model.Device.Name} at {server.Address.GetLeftPart(UriPartial.Authority)}; Ctrl+C stops it.");
        await Task.Delay(Timeout.InfiniteTimeSpan, end.Token).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        if (server.InProgress > 0)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Stopping: what is under way ({server.InProgress}) is still answered, for {options.DrainTime.TotalSeconds:F0} s at most. Ctrl+C again ends at once."));
        await server.StopAsync().ConfigureAwait(false);
    }

    private static IPAddress Address(string host) => host switch
    {
        "localhost" => IPAddress.Loopback,
        "*" => IPAddress.Any,
        _ when IPAddress.TryParse(host, out IPAddress? address) => address,
        _ => throw new UsageException($"--host {host}: is no address; take localhost, 0.0.0.0 for all of this machine's, or one like 192.168.0.7."),
    };

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex Names();
}

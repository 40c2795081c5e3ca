using System.CommandLine;
using System.Globalization;
using Graft.Importers.Downloads;

namespace Graft.Cli.Commands;

/// <summary>graft weights: where published weights are kept and looked for, what is there, and pulling more.</summary>
internal static class WeightsCommand
{
    private const string AddressVariable = "GRAFT_BASE_ADDRESS";

    /// <param name="terminal">Where it writes.</param>
    /// <param name="known">The networks that can be pulled; null is <see cref="PublishedWeights.All"/>.</param>
    public static Command Create(Terminal terminal, IReadOnlyList<PublishedWeights>? known = null)
    {
        known ??= PublishedWeights.All;
        var cache = new Option<string?>("--cache")
        {
            Recursive = true, Description = "Folder for pulled files; without it GRAFT_CACHE, else graft in XDG_CACHE_HOME, else in the system's folder of caches.",
        };
        var command = new Command("weights", "Show where published weights are kept and looked for, and what is there.") { cache };
        command.SetAction(parsed =>
        {
            List(terminal, WeightCache.Open(parsed.GetValue(cache), known: known), known);
            return Application.Done;
        });
        command.Add(CreatePull(terminal, known, cache));
        return command;
    }

    private static Command CreatePull(Terminal terminal, IReadOnlyList<PublishedWeights> known, Option<string?> cache)
    {
        var name = new Argument<string>("network") { Description = $"{string.Join(", ", known.Select(w => w.Name))}." };
        name.AcceptOnlyFromAmong([.. known.Select(w => w.Name)]);
        var top = new Option<bool>("--top") { Description = "The network with its classifier, for predict, instead of the base alone." };
        var offline = new Option<bool>("--offline") { Description = "Ask no server; fail where a file is not on this machine." };
        var address = new Option<string?>("--base-address") { Description = $"Address of a mirror with the publisher's files at the same places; {AddressVariable} does the same." };
        var pull = new Command("pull", "Get published weights from their publisher: resumed, and checked by size and digest.") { name, top, offline, address };
        pull.SetAction(async (parsed, _) =>
        {
            WeightCache folders = WeightCache.Open(parsed.GetValue(cache), known: known);
            using var download = new WeightDownload(folders)
            {
                BaseAddress = Address(parsed.GetValue(address), "--base-address") ?? Address(Environment.GetEnvironmentVariable(AddressVariable), AddressVariable),
                Offline = parsed.GetValue(offline),
            };
            await PullAsync(terminal, download, known.First(w => w.Name == parsed.GetRequiredValue(name)), parsed.GetValue(top)).ConfigureAwait(false);
            return Application.Done;
        });
        return pull;
    }

    // The files of a network, one after the other.
    private static async Task PullAsync(Terminal terminal, WeightDownload download, PublishedWeights weights, bool top)
    {
        if (top && weights.TopFiles.Count == 0)
            throw new UsageException($"{weights.Name} has no files with and without top; leave --top out.");
        var bar = new DownloadBar(Console.Error, !Console.IsErrorRedirected);
        foreach (PublishedFile file in top ? weights.TopFiles : weights.Files)
        {
            string path;
            try
            {
                path = await download.PullAsync(weights, file, bar, terminal.Interrupt).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (terminal.Interrupt.IsCancellationRequested)
            {
                bar.Clear();
                throw new GraftException($"{file.Name}: interrupted; what has arrived is kept, 'graft weights pull {weights.Name}{(top ? " --top" : "")}' goes on from there.");
            }
            finally
            {
                bar.Clear();
            }
            terminal.Line($"{weights.Name}: {path} ({Bytes(file.Bytes)})");
        }
    }

    private static void List(Terminal terminal, WeightCache cache, IReadOnlyList<PublishedWeights> known)
    {
        terminal.Line("Weight files are looked for in");
        terminal.Line($"  {cache.Folder}  (pulled files; --cache, GRAFT_CACHE or XDG_CACHE_HOME name another folder)");
        terminal.Line($"  {cache.KerasFolder}  (what Keras has downloaded; KERAS_HOME)");
        terminal.Line($"  {cache.HuggingFaceFolder}  (what Hugging Face's hub has downloaded; HF_HUB_CACHE, HF_HOME)");
        IReadOnlyList<CachedFile> files = cache.List();
        terminal.Line(files.Count == 0 ? "No weight file is there." : "There are");
        foreach (CachedFile file in files)
        {
            string state = file.Published is null ? Bytes(file.Bytes) : file.IsWhole ? $"{Bytes(file.Bytes)}, whole" : $"{Bytes(file.Bytes)} of {Bytes(file.Published.Bytes)}: not used";
            terminal.Line($"  {file.Weights?.Name ?? "-",-9} {file.Path}  ({state})");
        }
        terminal.Line("'graft weights pull NAME' gets");
        foreach (PublishedWeights weights in known)
        {
            string top = weights.TopFiles.Count == 0 ? "" : $"; with --top {Bytes(weights.TopFiles.Sum(f => f.Bytes))}";
            terminal.Line($"  {weights.Name,-9} {string.Join(", ", weights.Files.Select(f => f.Name))}  ({Bytes(weights.Files.Sum(f => f.Bytes))}{top}) from {weights.BaseAddress}");
        }
    }

    private static Uri? Address(string? text, string source)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        return Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" ? address
            : throw new UsageException($"{source} is '{text}'; an address such as https://mirror.example/weights/ is due.");
    }

    private static string Bytes(long count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} bytes");
}

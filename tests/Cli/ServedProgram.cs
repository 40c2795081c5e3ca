using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft serve as a program of its own, and its clients.</summary>
internal static partial class ServedProgram
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <summary>Starts a server at a free port, asks it something, and ends it by a signal: its exit code and all that it wrote.</summary>
    public static async Task<(int Code, string Output, string Error)> Ask(string signal, string? libraries, Func<Uri, Task> ask, params string[] args)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends a signal by kill.");
        string first = "";
        (int code, string output, string error) = await GraftProcess.RunUntil(signal, libraries, async output =>
        {
            first = await output.ReadLineAsync(Cancellation).AsTask().WaitAsync(s_patience, Cancellation) ?? "";
            if (Address().IsMatch(first)) // else it has ended, and says why
                await ask(new Uri(Address().Match(first).Value));
        }, ["serve", "--port", "0", .. args]);
        Assert.True(Address().IsMatch(first), first + error);
        return (code, $"{first}\n{output}", error);
    }

    /// <summary>The answer to a body of JSON.</summary>
    public static Task<JsonNode> Post(Uri address, string path, string json) => Post(address, path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>The answer to a body.</summary>
    public static async Task<JsonNode> Post(Uri address, string path, HttpContent body)
    {
        using HttpClient client = new() { BaseAddress = address, Timeout = s_patience };
        using HttpResponseMessage response = await client.PostAsync(path, body, Cancellation);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!;
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [GeneratedRegex(@"http://[\d.]+:\d+")]
    private static partial Regex Address();
}

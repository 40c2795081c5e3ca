using System.Security.Cryptography;
using System.Text;
using Graft.Importers.Downloads;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Downloads;

public sealed class WeightDownloadTests : IDisposable
{
    private static readonly byte[] Content = RandomBytes(300_000);
    private static readonly string Sha256 = Hex(Content);

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_file_arrives_whole_under_its_name_and_is_asked_for_once()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content)]);
        var seen = new Seen();
        string path = await Pull(server, progress: seen);
        Assert.Equal(_files[Path.Combine("cache", "net", "net.h5")], path);
        Assert.Equal(Content, File.ReadAllBytes(path));
        Assert.Equal(path, await Pull(server));
        Assert.StartsWith("GET /nets/net.h5 HTTP/1.1", Assert.Single(server.Requests), StringComparison.Ordinal);
        Assert.Equal(Content.Length, seen.Last!.Value.Received);
        Assert.Equal(["net.h5"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName).Where(n => n != ".lock"));
    }

    [Fact]
    public async Task A_broken_connection_is_taken_up_where_it_broke()
    {
        using var server = new LocalServer(request => LocalServer.From(request) == 0
            ? [LocalServer.Answer("200 OK", Content.AsSpan(0, 100_000), "ETag: \"v1\"\r\n", Content.Length)]
            : [Rest(request)]);
        string path = await Pull(server);
        Assert.Equal(Content, File.ReadAllBytes(path));
        Assert.Equal(2, server.Requests.Length);
        Assert.Contains("If-Range: \"v1\"", server.Requests[1], StringComparison.Ordinal);
        Assert.InRange(LocalServer.From(server.Requests[1]), 1, 100_000);
    }

    [Fact]
    public async Task What_has_arrived_is_kept_for_the_next_pull()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content.AsSpan(0, 100_000), "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n", Content.Length)]);
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Pull(server, attempts: 1))).Message;
        Assert.Contains("100000 of 300000 bytes have arrived and are kept", message, StringComparison.Ordinal);
        using var healthy = new LocalServer(request => [Rest(request)]);
        Assert.Equal(Content, File.ReadAllBytes(await Pull(healthy)));
        Assert.Contains("If-Range: Wed, 21 Oct 2015 07:28:00 GMT", Assert.Single(healthy.Requests), StringComparison.Ordinal);
        Assert.Equal(100_000, LocalServer.From(healthy.Requests[0]));
    }

    [Theory]
    [InlineData("200 OK")] // ignores Range, or If-Range says that the file is another
    [InlineData("416 Range Not Satisfiable")]
    [InlineData("206 Partial Content")] // of another place
    public async Task A_server_that_does_not_give_the_rest_is_asked_for_the_whole(string status)
    {
        Started(Content.AsSpan(0, 1000));
        using var server = new LocalServer(request => [LocalServer.Answer(LocalServer.From(request) == 0 ? "200 OK" : status, Content,
            status.StartsWith("206", StringComparison.Ordinal) && LocalServer.From(request) > 0 ? $"Content-Range: bytes 0-{Content.Length - 1}/{Content.Length}\r\n" : "")]);
        Assert.Equal(Content, File.ReadAllBytes(await Pull(server)));
        Assert.Equal(1000, LocalServer.From(server.Requests[0]));
    }

    [Fact]
    public async Task A_start_that_was_another_file_is_found_out_and_removed()
    {
        Started(new byte[1000]);
        using var server = new LocalServer(request => [Rest(request)]);
        await Refused(server, "is another file of that size", Sha256);
        Assert.Equal(Content, File.ReadAllBytes(await Pull(server))); // from the start
    }

    [Fact]
    public async Task A_truncated_answer_is_refused_with_both_sizes_and_digests()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content.AsSpan(0, 5000))]);
        await Refused(server, "is truncated", "5000 bytes", Hex(Content.AsSpan(0, 5000)), "300000 bytes", Sha256);
    }

    [Theory]
    [InlineData("Content-Type: text/html; charset=utf-8\r\n")]
    [InlineData("")]
    [InlineData("Content-Type: application/octet-stream\r\n")]
    public async Task A_page_of_HTML_is_refused_with_both_sizes_and_digests(string header)
    {
        byte[] page = Encoding.UTF8.GetBytes("\r\n<!DOCTYPE html><title>Sign in</title>");
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", page, header)]);
        await Refused(server, "page of HTML", $"{page.Length} bytes", Hex(page), "300000 bytes", Sha256);
    }

    [Fact]
    public async Task A_page_of_HTML_leaves_what_had_arrived_before()
    {
        Started(Content.AsSpan(0, 1000));
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", "<html>"u8, "Content-Type: text/html\r\n")]);
        await Assert.ThrowsAsync<DownloadException>(() => Pull(server));
        Assert.Equal(1000, new FileInfo(_files[Path.Combine("cache", "net", "net.h5.part")]).Length);
    }

    [Fact]
    public async Task A_file_with_another_digest_is_refused_and_removed()
    {
        byte[] other = [.. Content];
        other[77] ^= 1;
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", other)]);
        await Refused(server, "is another file of that size", Hex(other), Sha256);
    }

    [Fact]
    public async Task A_longer_answer_is_not_read_to_its_end()
    {
        using var server = new LocalServer(_ => Enumerable.Range(0, 1000).Select(i => i == 0 ? LocalServer.Answer("200 OK", Content, length: 1000 * Content.Length) : Content));
        await Refused(server, "is longer than the file", "at least ", "300000 bytes");
    }

    [Fact]
    public async Task The_MD5_that_Keras_publishes_is_checked_where_there_is_no_SHA_256()
    {
#pragma warning disable CA5351 // the kind of digest under test
        string md5 = Convert.ToHexStringLower(MD5.HashData(Content));
#pragma warning restore CA5351
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content)]);
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Pull(server, weights: Net(null, new string('0', 32))))).Message;
        Assert.Contains($"MD5 {md5}; 300000 bytes with MD5 00000000", message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<DownloadException>(() => Pull(server, weights: Net(Sha256, new string('0', 32))));
        Assert.Equal(Content, File.ReadAllBytes(await Pull(server, weights: Net(null, md5.ToUpperInvariant()))));
    }

    [Fact]
    public async Task A_missing_page_is_named_and_asked_for_once()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("404 Not Found", "<html>no</html>"u8)]);
        await Refused(server, "answers 404 Not Found", "nets/net.h5", "300000 bytes");
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_server_that_is_busy_is_asked_again()
    {
        int asked = 0;
        using var server = new LocalServer(_ => [Interlocked.Increment(ref asked) < 3 ? LocalServer.Answer("503 Service Unavailable", []) : LocalServer.Answer("200 OK", Content)]);
        Assert.Equal(Content, File.ReadAllBytes(await Pull(server)));
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task A_server_that_falls_silent_counts_as_broken()
    {
        using var silence = new ManualResetEventSlim();
        IEnumerable<byte[]> Stalls()
        {
            yield return LocalServer.Answer("200 OK", Content.AsSpan(0, 10), length: Content.Length);
            silence.Wait();
        }
        using var server = new LocalServer(_ => Stalls());
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Pull(server, attempts: 1, patience: TimeSpan.FromMilliseconds(200)))).Message;
        silence.Set();
        Assert.Contains("sent nothing for 0.2 s", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_are_followed_with_the_range()
    {
        Started(Content.AsSpan(0, 1000));
        using var store = new LocalServer(request => [Rest(request)]);
        using var server = new LocalServer(_ => [LocalServer.Answer("302 Found", [], $"Location: {store.Address}blob\r\n")]);
        Assert.Equal(Content, File.ReadAllBytes(await Pull(server)));
        Assert.Equal(1000, LocalServer.From(Assert.Single(store.Requests)));
    }

    [Fact]
    public async Task Nobody_listening_is_an_error_that_names_the_address()
    {
        Uri address;
        using (var server = new LocalServer(_ => []))
            address = server.Address;
        using var download = new WeightDownload(Cache()) { BaseAddress = address, Attempts = 2, Pause = TimeSpan.Zero };
        string message = (await Assert.ThrowsAsync<DownloadException>(() => download.PullAsync(Net(), Net().Files[0]))).Message;
        Assert.Contains($"{address}nets/net.h5: cannot be downloaded after 2 attempts", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pulls_at_the_same_time_ask_once_and_all_get_the_file()
    {
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content)]);
        string[] paths = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Pull(server))));
        Assert.Single(paths.Distinct());
        Assert.Equal(Content, File.ReadAllBytes(paths[0]));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Offline_a_missing_file_is_an_error_that_lists_the_places()
    {
        using var download = new WeightDownload(Cache()) { Offline = true };
        WeightsMissingException e = await Assert.ThrowsAsync<WeightsMissingException>(() => download.PullAsync(Net(), Net().Files[0]));
        Assert.Equal("net.h5", e.FileName);
        Assert.Equal([_files[Path.Combine("cache", "net", "net.h5")], _files[Path.Combine("keras", "models", "net.h5")]], e.Searched);
        foreach (string part in new[] { e.Searched[0], e.Searched[1], "graft weights pull net" })
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
        Directory.CreateDirectory(_files[Path.Combine("keras", "models")]);
        File.WriteAllBytes(e.Searched[1], Content);
        Assert.Equal(e.Searched[1], await download.PullAsync(Net(), Net().Files[0]));
    }

    [Fact]
    public async Task Damaged_files_in_the_caches_are_not_taken_and_the_own_one_is_replaced()
    {
        string own = Cache().PathOf(Net(), Net().Files[0]), keras = Cache().Places(Net(), Net().Files[0])[1];
        foreach (string path in new[] { own, keras })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, new byte[Content.Length]);
        }
        using (var offline = new WeightDownload(Cache()) { Offline = true })
            await Assert.ThrowsAsync<WeightsMissingException>(() => offline.PullAsync(Net(), Net().Files[0]));
        using var server = new LocalServer(_ => [LocalServer.Answer("200 OK", Content)]);
        Assert.Equal(own, await Pull(server));
        Assert.Equal(Content, File.ReadAllBytes(own));
        Assert.Equal(new byte[Content.Length], File.ReadAllBytes(keras)); // Keras's own is left alone
    }

    [Fact]
    public async Task An_interrupted_pull_ends_at_once_and_keeps_what_has_arrived()
    {
        using var interrupt = new CancellationTokenSource();
        using var silence = new ManualResetEventSlim();
        IEnumerable<byte[]> Stalls()
        {
            yield return LocalServer.Answer("200 OK", Content.AsSpan(0, 10), length: Content.Length);
            silence.Wait();
        }
        using var server = new LocalServer(_ => Stalls());
        var seen = new Seen { Then = interrupt.Cancel };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Pull(server, progress: seen, token: interrupt.Token));
        silence.Set();
        Assert.Equal(10, new FileInfo(_files[Path.Combine("cache", "net", "net.h5.part")]).Length);
    }

    private async Task Refused(LocalServer server, params string[] words)
    {
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Pull(server))).Message;
        foreach (string word in words)
            Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.Equal([".lock"], Directory.GetFiles(_files[Path.Combine("cache", "net")]).Select(Path.GetFileName));
    }

    private async Task<string> Pull(LocalServer server, int attempts = 3, TimeSpan? patience = null, PublishedWeights? weights = null, IProgress<DownloadProgress>? progress = null,
        CancellationToken token = default)
    {
        weights ??= Net();
        using var download = new WeightDownload(Cache()) { BaseAddress = server.Address, Attempts = attempts, Pause = TimeSpan.Zero, Patience = patience ?? TimeSpan.FromSeconds(30) };
        return await download.PullAsync(weights, weights.Files[0], progress, token);
    }

    private WeightCache Cache() => WeightCache.Open(_files["cache"], name => name switch
    {
        "KERAS_HOME" => _files["keras"],
        "HOME" => _files["home"],
        _ => null,
    });

    private void Started(ReadOnlySpan<byte> bytes)
    {
        Directory.CreateDirectory(_files[Path.Combine("cache", "net")]);
        File.WriteAllBytes(_files[Path.Combine("cache", "net", "net.h5.part")], bytes);
    }

    private static PublishedWeights Net() => Net(Sha256, null);

    private static PublishedWeights Net(string? sha256, string? md5) => new()
    {
        Name = "net", BaseAddress = new Uri("https://nowhere.invalid/"), Files = [new PublishedFile("net.h5", "nets/net.h5", Content.Length, sha256, md5)],
    };

    private static byte[] Rest(string request)
    {
        int from = LocalServer.From(request);
        return from == 0 ? LocalServer.Answer("200 OK", Content)
            : LocalServer.Answer("206 Partial Content", Content.AsSpan(from), $"Content-Range: bytes {from}-{Content.Length - 1}/{Content.Length}\r\n");
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(11).NextBytes(bytes);
        return bytes;
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private sealed class Seen : IProgress<DownloadProgress>
    {
        public Action? Then { get; init; }

        public DownloadProgress? Last { get; private set; }

        public void Report(DownloadProgress value)
        {
            Last = value;
            Then?.Invoke();
        }
    }
}

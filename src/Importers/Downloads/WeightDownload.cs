using System.Net;
using System.Net.Http.Headers;

namespace Graft.Importers.Downloads;

/// <summary>Pulls published weight files into a cache: whole and right, or not at all.</summary>
/// <remarks>
/// A file arrives under a temporary name beside its place ("x.h5.part"), is checked for size and digest, flushed, and renamed. A connection
/// that breaks leaves the temporary file; the next attempt asks for the rest with Range and, where the server gave a validator, If-Range
/// (RFC 9110, 13.1.5 and 14.2), so that a file that has changed in between is sent anew. An answer that is complete and not the
/// file is refused and removed. One process at a time pulls a network; others wait for it.
/// </remarks>
public sealed class WeightDownload : IDisposable
{
    private const int BufferBytes = 1 << 17;
    private const int LongestPage = 1 << 20; // of an HTML answer; its digest is shown, no more of it is of use

    private readonly WeightCache _cache;
    private readonly HttpClient _http;

    /// <summary>Makes a download into a cache.</summary>
    public WeightDownload(WeightCache cache)
    {
        _cache = cache;
        _http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30) }) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("graft", typeof(WeightDownload).Assembly.GetName().Version!.ToString(3)));
    }

    /// <summary>Address of a mirror that has the publisher's files at the same places below; null is the publisher's own.</summary>
    public Uri? BaseAddress { get; init; }

    /// <summary>True asks no server: a file that is not on this machine is missing.</summary>
    public bool Offline { get; init; }

    /// <summary>How often a file is asked for when connections break.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Wait before the second attempt; it doubles with each further one.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a server may send nothing before the connection counts as broken.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>The path of a file, which is downloaded where no cache has it with its size and digest.</summary>
    /// <exception cref="WeightsMissingException">It is undamaged on no place of this machine, and <see cref="Offline"/> is set.</exception>
    /// <exception cref="DownloadException">The server cannot be reached or does not have it, or what came is not the file.</exception>
    public async Task<string> PullAsync(PublishedWeights weights, PublishedFile file, IProgress<DownloadProgress>? progress = null, CancellationToken token = default)
    {
        foreach (string place in _cache.Places(weights, file))
        {
            if (WeightCache.BytesOf(place) == file.Bytes && await FileDigest.Fault(place, file, token).ConfigureAwait(false) is null)
                return place;
        }
        if (Offline)
            throw new WeightsMissingException(weights, file, _cache.Places(weights, file));
        string path = _cache.PathOf(weights, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream alone = await LockAsync(Path.Combine(Path.GetDirectoryName(path)!, ".lock"), file, progress, token).ConfigureAwait(false);
        if (WeightCache.BytesOf(path) == file.Bytes && await FileDigest.Fault(path, file, token).ConfigureAwait(false) is null)
            return path; // another process brought it while this one waited
        var address = new Uri(BaseAddress ?? weights.BaseAddress, file.Address);
        var part = new PartialFile(path);
        await ReceiveAsync(address, file, part, progress, token).ConfigureAwait(false);
        if (await FileDigest.Fault(part.Path, file, token).ConfigureAwait(false) is { } fault)
        {
            part.Remove();
            throw new DownloadException($"{address}: what came {fault}. It was removed; pull it again, or from another address.");
        }
        part.Complete();
        return path;
    }

    /// <summary>Asks until all bytes are there.</summary>
    private async Task ReceiveAsync(Uri address, PublishedFile file, PartialFile part, IProgress<DownloadProgress>? progress, CancellationToken token)
    {
        TimeSpan pause = Pause;
        for (int attempt = 1; part.Bytes < file.Bytes; attempt++, pause *= 2)
        {
            try
            {
                await ReceiveOnceAsync(address, file, part, progress, token).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or HttpIOException or IOException or TimeoutException && !token.IsCancellationRequested)
            {
                // A server that was never reached is seldom there a moment later.
                bool unreached = e is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError };
                if (attempt >= (unreached ? Math.Min(2, Attempts) : Attempts))
                {
                    throw new DownloadException($"{address}: cannot be downloaded after {attempt} attempts ({e.Message}). "
                        + $"{part.Bytes} of {file.Bytes} bytes have arrived{(part.Bytes > 0 ? " and are kept: pull again to go on from there" : "")}.", e);
                }
                await Task.Delay(pause, token).ConfigureAwait(false);
            }
        }
    }

    private async Task ReceiveOnceAsync(Uri address, PublishedFile file, PartialFile part, IProgress<DownloadProgress>? progress, CancellationToken token)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(token);
        patience.CancelAfter(Patience);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (part.Bytes > 0)
            {
                request.Headers.Range = new RangeHeaderValue(part.Bytes, null);
                request.Headers.IfRange = part.Validator;
            }
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
            using Stream body = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            await CheckAnswerAsync(response, body, address, file, part, patience.Token).ConfigureAwait(false);
            using FileStream disk = part.Open(response);
            var buffer = new byte[BufferBytes];
            while (disk.Position <= file.Bytes) // one buffer too many at most: then the answer is not the file
            {
                patience.CancelAfter(Patience);
                int read = await body.ReadAsync(buffer, patience.Token).ConfigureAwait(false);
                if (read == 0)
                    break;
                await disk.WriteAsync(buffer.AsMemory(0, read), token).ConfigureAwait(false);
                progress?.Report(new DownloadProgress(file.Name, disk.Position, file.Bytes));
            }
            disk.Flush(flushToDisk: true);
        }
        catch (OperationCanceledException e) when (!token.IsCancellationRequested)
        {
            throw new TimeoutException($"the server has sent nothing for {Patience.TotalSeconds:0.#} s", e);
        }
    }

    /// <summary>Judges an answer by its status and kind, before anything of it is written.</summary>
    /// <exception cref="DownloadException">The answer is final and not the file.</exception>
    /// <exception cref="HttpRequestException">The answer may be another the next time.</exception>
    private static async Task CheckAnswerAsync(HttpResponseMessage response, Stream body, Uri address, PublishedFile file, PartialFile part, CancellationToken token)
    {
        int status = (int)response.StatusCode;
        string answer = $"the server answers {status} {response.ReasonPhrase}";
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable || (status == 206 && response.Content.Headers.ContentRange?.From != part.Bytes))
        {
            part.Remove();
            throw new HttpRequestException($"{answer} to the request for the rest of the file");
        }
        if (status is 408 or 429 or >= 500)
            throw new HttpRequestException(answer);
        if (status is not 200 and not 206)
            throw new DownloadException($"{address}: {answer}; {file.Name} ({file.Bytes} bytes) is due there.");
        if (response.Content.Headers.ContentType?.MediaType is not ("text/html" or "application/xhtml+xml"))
            return;
        var page = new byte[LongestPage];
        int bytes = await body.ReadAtLeastAsync(page, LongestPage, throwOnEndOfStream: false, token).ConfigureAwait(false);
        throw new DownloadException($"{address}: the server answers with a page of HTML, not with the file: {FileDigest.Describe(bytes, FileDigest.Hex(page.AsSpan(0, bytes), file), file)}. "
            + "Nothing of it was kept; a proxy or a login page may stand in between.");
    }

    private static async Task<FileStream> LockAsync(string path, PublishedFile file, IProgress<DownloadProgress>? progress, CancellationToken token)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); // the lock ends with the process
            }
            catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(path)) // held by another; its subclasses mean something else
            {
                progress?.Report(new DownloadProgress(file.Name, 0, file.Bytes, IsWaiting: true));
                await Task.Delay(100, token).ConfigureAwait(false);
            }
        }
    }
}

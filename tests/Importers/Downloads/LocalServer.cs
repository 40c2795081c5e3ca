using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Graft.Tests.Importers.Downloads;

/// <summary>An HTTP server on a free port of this machine that sends scripted bytes: also those that no real server should send.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly Func<string, IEnumerable<byte[]>> _answer;
    private readonly Task _loop;

    /// <summary>Starts. <paramref name="answer"/> gets the head of a request and gives what is sent before the connection closes.</summary>
    public LocalServer(Func<string, IEnumerable<byte[]>> answer)
    {
        _answer = answer;
        _listener.Start();
        _loop = Task.Run(AcceptAsync);
    }

    /// <summary>Its address, with a slash at the end.</summary>
    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>The heads of the requests so far.</summary>
    public string[] Requests => [.. _requests];

    /// <summary>An answer in full.</summary>
    public static byte[] Answer(string status, ReadOnlySpan<byte> body, string headers = "", int? length = null) =>
        [.. Encoding.Latin1.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {length ?? body.Length}\r\nConnection: close\r\n{headers}\r\n"), .. body];

    /// <summary>The first byte that a request asks for; 0 where it asks for the whole.</summary>
    public static int From(string request)
    {
        int at = request.IndexOf("Range: bytes=", StringComparison.Ordinal);
        return at < 0 ? 0 : int.Parse(request.AsSpan(at + 13, request.IndexOf('-', at) - at - 13), System.Globalization.CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _listener.Stop();
        _loop.Wait();
    }

    private async Task AcceptAsync()
    {
        List<Task> open = [];
        while (true)
        {
            try
            {
                TcpClient client = await _listener.AcceptTcpClientAsync().ConfigureAwait(false);
                open.Add(Task.Run(() => ServeAsync(client)));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                await Task.WhenAll(open).ConfigureAwait(false); // the listener was stopped
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                var head = new StringBuilder();
                var buffer = new byte[4096];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    int read = await stream.ReadAsync(buffer).ConfigureAwait(false);
                    if (read == 0)
                        return;
                    head.Append(Encoding.Latin1.GetString(buffer, 0, read));
                }
                _requests.Enqueue(head.ToString());
                foreach (byte[] bytes in _answer(head.ToString()))
                    await stream.WriteAsync(bytes).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // The client has hung up, as it does where it has seen enough.
                return;
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Graft.Serving;

/// <summary>Counts what the server did, and tells it in the text format of Prometheus (exposition format 0.0.4).</summary>
/// <param name="model">Name of the model, the label of each series.</param>
/// <param name="waiting">Samples in the server now.</param>
internal sealed class ServerMetrics(string model, Func<int> waiting)
{
    private static readonly double[] s_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly ConcurrentDictionary<(string Endpoint, int Status), Counter> _requests = new();
    private readonly ConcurrentDictionary<string, Histogram> _latencies = new();
    private readonly Histogram _batches = new([1, 2, 4, 8, 16, 32]);
    private readonly Counter _tokens = new();

    /// <summary>A request was answered, or was given up by its sender (499).</summary>
    public void Request(string endpoint, int status, double seconds)
    {
        _requests.GetOrAdd((endpoint, status), _ => new Counter()).Add();
        _latencies.GetOrAdd(endpoint, _ => new Histogram(s_seconds)).Observe(seconds);
    }

    /// <summary>A batch was computed.</summary>
    public void Batch(int samples) => _batches.Observe(samples);

    /// <summary>A token was generated.</summary>
    public void Token() => _tokens.Add();

    /// <summary>All of it.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        void Title(string name, string type, string help) => text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        Title("graft_requests_total", "counter", "Requests by endpoint and status; 499: the client was gone before the answer.");
        foreach (((string endpoint, int status), Counter count) in _requests.OrderBy(r => r.Key))
            text.Append(CultureInfo.InvariantCulture, $"graft_requests_total{{model=\"{model}\",endpoint=\"{endpoint}\",status=\"{status}\"}} {count.Value}\n");
        Title("graft_request_duration_seconds", "histogram", "Time from a request's first line to the end of its answer.");
        foreach ((string endpoint, Histogram latencies) in _latencies.OrderBy(l => l.Key, StringComparer.Ordinal))
            latencies.Write(text, "graft_request_duration_seconds", $"model=\"{model}\",endpoint=\"{endpoint}\"");
        Title("graft_batch_size", "histogram", "Samples that were computed together.");
        _batches.Write(text, "graft_batch_size", $"model=\"{model}\"");
        Title("graft_generated_tokens_total", "counter", "Tokens that a language model added to texts.");
        text.Append(CultureInfo.InvariantCulture, $"graft_generated_tokens_total{{model=\"{model}\"}} {_tokens.Value}\n");
        Title("graft_samples_in_progress", "gauge", "Samples that are being read, wait or are computed.");
        text.Append(CultureInfo.InvariantCulture, $"graft_samples_in_progress{{model=\"{model}\"}} {waiting()}\n");
        return text.ToString();
    }

    private sealed class Counter
    {
        private long _value;

        public long Value => Volatile.Read(ref _value);

        public void Add() => Interlocked.Increment(ref _value);
    }

    private sealed class Histogram(double[] bounds)
    {
        private readonly long[] _counts = new long[bounds.Length + 1];
        private double _sum;

        public void Observe(double value)
        {
            int at = Array.FindIndex(bounds, b => value <= b);
            lock (_counts)
            {
                _counts[at < 0 ? bounds.Length : at]++;
                _sum += value;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (_counts)
            {
                long below = 0;
                for (int i = 0; i < bounds.Length; i++)
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{bounds[i]}\"}} {below += _counts[i]}\n");
                text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"+Inf\"}} {below += _counts[^1]}\n{name}_sum{{{labels}}} {_sum}\n{name}_count{{{labels}}} {below}\n");
            }
        }
    }
}

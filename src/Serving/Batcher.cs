using System.Diagnostics;
using System.Threading.Channels;

namespace Graft.Serving;

/// <summary>
/// Gathers the samples of requests that come at about the same time into batches. While one batch is computed the next one gathers; a sample waits for others only if
/// they are on their way already, and no longer than a short delay.
/// </summary>
/// <param name="run">Computes a batch of samples that fit together: for each, an array for each output.</param>
/// <param name="maxBatch">Most samples of a batch.</param>
/// <param name="delay">How long the first sample of a batch waits for others.</param>
/// <param name="arriving">Samples that are in the server and not here yet: their requests are still being read.</param>
internal sealed class Batcher(Func<IReadOnlyList<Sample>, CancellationToken, float[][][]> run, int maxBatch, TimeSpan delay, Func<int> arriving) : IAsyncDisposable
{
    private readonly Channel<Pending> _queue = Channel.CreateUnbounded<Pending>(new UnboundedChannelOptions { SingleReader = true }); // Admission bounds it
    private readonly LinkedList<Pending> _waiting = []; // taken from the queue, and in no batch yet
    private Task<bool>? _arrival;
    private Task? _loop;

    /// <summary>The outputs of a sample.</summary>
    /// <exception cref="OperationCanceledException">Nobody waits for them any more.</exception>
    /// <exception cref="GraftException">The model cannot compute the sample.</exception>
    public Task<float[][]> Run(Sample sample, CancellationToken cancellation)
    {
        var pending = new Pending(sample, cancellation);
        if (!_queue.Writer.TryWrite(pending))
            pending.Result.TrySetCanceled(cancellation); // the server has stopped
        return pending.Result.Task;
    }

    /// <summary>Begins to work.</summary>
    public void Start() => _loop = Task.Run(Loop);

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        if (_loop is not null)
            await _loop.ConfigureAwait(false);
    }

    private async Task Loop()
    {
        while (_waiting.Count > 0 || await Arrival().ConfigureAwait(false))
        {
            Pending[] batch = [.. (await Gather().ConfigureAwait(false)).Where(p => !p.IsGivenUp())];
            if (batch.Length > 0)
                Compute(batch);
        }
    }

    /// <summary>The oldest sample and those that fit with it.</summary>
    private async Task<List<Pending>> Gather()
    {
        var batch = new List<Pending>();
        while (true)
        {
            bool isAlone = arriving() == 0; // asked first: who was on the way before is in the queue now
            while (_queue.Reader.TryRead(out Pending? arrived))
                _waiting.AddLast(arrived);
            for (LinkedListNode<Pending>? node = _waiting.First; node is not null && batch.Count < maxBatch;)
            {
                LinkedListNode<Pending>? next = node.Next;
                if (batch.Count == 0 || batch[0].Sample.FitsWith(node.Value.Sample))
                {
                    batch.Add(node.Value);
                    _waiting.Remove(node);
                }
                node = next;
            }
            if (batch.Count == 0 || batch.Count == maxBatch || isAlone)
                return batch;
            TimeSpan patience = delay - Stopwatch.GetElapsedTime(batch[0].Arrived);
            if (patience <= TimeSpan.Zero || !await ArrivesWithin(patience).ConfigureAwait(false))
                return batch;
        }
    }

    private async Task<bool> ArrivesWithin(TimeSpan patience)
    {
        Task<bool> arrival = Arrival();
        return await Task.WhenAny(arrival, Task.Delay(patience)).ConfigureAwait(false) == arrival && await arrival.ConfigureAwait(false);
    }

    // One at a time: a channel with one reader has one that waits.
    private Task<bool> Arrival() => _arrival is { IsCompleted: false } ? _arrival : _arrival = _queue.Reader.WaitToReadAsync().AsTask();

    private void Compute(Pending[] batch)
    {
        using var abandoned = new CancellationTokenSource();
        int left = batch.Length;
        void GiveUp()
        {
            if (Interlocked.Decrement(ref left) == 0)
                abandoned.Cancel();
        }
        CancellationTokenRegistration[] watches = [.. batch.Select(p => p.Cancellation.Register(GiveUp))];
        try
        {
            float[][][] results = run([.. batch.Select(p => p.Sample)], abandoned.Token);
            for (int i = 0; i < batch.Length; i++)
                batch[i].Result.TrySetResult(results[i]);
        }
        catch (GraftException) when (batch.Length > 1)
        {
            Array.ForEach(batch, p => Compute([p])); // what is wrong with one sample is no fault of its neighbours
        }
        catch (OperationCanceledException)
        {
            Array.ForEach(batch, p => p.Result.TrySetCanceled(p.Cancellation));
        }
        catch (Exception e)
        {
            Array.ForEach(batch, p => p.Result.TrySetException(e)); // each request tells it
        }
        finally
        {
            Array.ForEach(watches, w => w.Dispose());
        }
    }

    private sealed class Pending(Sample sample, CancellationToken cancellation)
    {
        public Sample Sample => sample;

        public CancellationToken Cancellation => cancellation;

        public long Arrived { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource<float[][]> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsGivenUp() => cancellation.IsCancellationRequested && Result.TrySetCanceled(cancellation);
    }
}

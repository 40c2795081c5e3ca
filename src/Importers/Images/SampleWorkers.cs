using System.Runtime.ExceptionServices;

namespace Graft.Importers.Images;

/// <summary>
/// Threads that prepare batches sample by sample, so that all of them are at work on the first batch and on the last. Each goes on with the next sample as soon as it has
/// finished one and ends when none is left: nothing is woken for a sample.
/// </summary>
/// <param name="most">Threads at most.</param>
internal sealed class SampleWorkers(int most) : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<Job> _open = []; // the first one may have no sample that is not begun
    private int _running;

    /// <summary>Prepares a batch's samples, behind those of the batches before it.</summary>
    /// <param name="samples">How many.</param>
    /// <param name="prepare">Prepares one, counted from 0; called on any thread.</param>
    public Job Begin(int samples, Action<int> prepare)
    {
        var job = new Job(samples, prepare);
        lock (_gate)
        {
            _open.Enqueue(job);
            int added = Math.Min(most - _running, samples);
            _running += added;
            for (int i = 0; i < added; i++)
                ThreadPool.UnsafeQueueUserWorkItem(static workers => workers.Work(), this, preferLocal: false);
        }
        return job;
    }

    /// <summary>Waits until all samples of a batch are prepared. It sleeps meanwhile: a task's waiting would spin first, on a processor that a worker can use.</summary>
    /// <exception cref="OperationCanceledException">It is cancelled.</exception>
    /// <remarks>Throws what the first sample that has an error threw.</remarks>
    public void Wait(Job job, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static workers => ((SampleWorkers)workers!).Wake(), this);
        lock (_gate)
        {
            while (!job.IsDone && !cancellationToken.IsCancellationRequested)
                Monitor.Wait(_gate);
        }
        cancellationToken.ThrowIfCancellationRequested();
        job.ThrowError();
    }

    /// <summary>Begins no further sample, and waits for those that are begun.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _open.Clear();
            while (_running > 0)
                Monitor.Wait(_gate);
        }
    }

    private void Work()
    {
        while (Next() is (Job job, int sample))
        {
            Exception? error = job.Prepare(sample);
            lock (_gate)
            {
                if (job.End(sample, error))
                    Monitor.PulseAll(_gate);
            }
        }
    }

    private (Job Job, int Sample)? Next()
    {
        lock (_gate)
        {
            while (_open.TryPeek(out Job? job))
            {
                if (job.Begin() is int sample)
                    return (job, sample);
                _open.Dequeue();
            }
            _running--;
            Monitor.PulseAll(_gate);
            return null;
        }
    }

    private void Wake()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    /// <summary>The samples of one batch; all but <see cref="Prepare"/> under the workers' lock.</summary>
    internal sealed class Job(int samples, Action<int> prepare)
    {
        private readonly int _samples = samples;
        private int _begun, _left = samples;
        private (int Sample, Exception Error)? _first;

        public bool IsDone => _left == 0;

        /// <summary>The next sample; null where all are begun.</summary>
        public int? Begin() => _begun < _samples ? _begun++ : null;

        /// <summary>Prepares a sample; whatever its error is, it goes to who waits for the batch.</summary>
        public Exception? Prepare(int sample)
        {
            try
            {
                prepare(sample);
                return null;
            }
            catch (Exception e)
            {
                return e;
            }
        }

        /// <summary>Whether this was the last one.</summary>
        public bool End(int sample, Exception? error)
        {
            if (error is not null && (_first is null || sample < _first.Value.Sample))
                _first = (sample, error);
            return --_left == 0;
        }

        public void ThrowError()
        {
            if (_first is { } first)
                ExceptionDispatchInfo.Throw(first.Error);
        }
    }
}

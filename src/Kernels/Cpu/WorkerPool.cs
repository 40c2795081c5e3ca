using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Graft.Kernels.Cpu;

/// <summary>A piece of work cut into chunks that may run in any order and side by side.</summary>
internal interface IChunkBody
{
    /// <summary>Does chunk number <paramref name="chunk"/>; chunks write disjoint memory.</summary>
    void Run(int chunk);
}

/// <summary>
/// Persistent threads, each with a range of a job's chunks that it begins with; who is done helps with the ranges of others. Job after job a thread so meets the memory that it left in its own
/// caches, and one that the system preempts delays one chunk, not a half of the work. Workers spin briefly for the next job, then park, since waking a parked thread costs about 20 µs.
/// </summary>
/// <remarks>
/// Cores without a common cache hand each other a line more slowly than memory gives it: two threads that changed places took three times as long as two that did not.
/// Chunks of a range are taken in their order, and the caller comes by all ranges in theirs: a chunk may wait for one of a lower number (<see cref="HasFailed"/>).
/// Nested calls and calls from a second thread while a job runs are done inline: no deadlock, the same result. A call
/// allocates nothing: the body stays in the caller's frame, which outlives the job.
/// </remarks>
internal static unsafe class WorkerPool
{
    private const int SpinRounds = 2000, YieldEvery = 32; // of some 0.75 µs
    private const int TakenStride = 32;

    private static readonly Lock Start = new();
    private static readonly List<Thread> Workers = [];
    private static readonly SemaphoreSlim Parked = new(0);
    private static int _threads = Initial();
    private static int _busy;
    private static int _sleeping;
    private static long _ticket; // job number in the upper half, workers still to join in the lower
    private static Job _job;
    private static int[] _taken = new int[TakenStride]; // chunks of each range that threads took, a cache line for each
    private static int _running;
    private static Exception? _failure;

    [ThreadStatic]
    private static bool _inside;

    private struct Job
    {
        public void* Body;
        public delegate*<void*, int, void> Run;
        public int Chunks;
        public int Ranges;
    }

    /// <summary>Threads that share a job, the caller's among them.</summary>
    public static int Threads
    {
        get => Volatile.Read(ref _threads);
        set => Volatile.Write(ref _threads, value);
    }

    /// <summary>A chunk of the job that runs has thrown: others that wait for it should end.</summary>
    public static bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>Runs all chunks and returns when the last is done; the first exception of a chunk is thrown.</summary>
    public static void For<T>(int chunks, ref T body)
        where T : unmanaged, IChunkBody
    {
        int helpers = Math.Min(Threads, chunks) - 1;
        if (helpers <= 0 || _inside || Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            for (int i = 0; i < chunks; i++)
                body.Run(i);
            return;
        }
        EnsureWorkers(helpers);
        _job = new Job { Body = Unsafe.AsPointer(ref body), Run = &Invoke<T>, Chunks = chunks, Ranges = helpers + 1 };
        _failure = null;
        for (int r = 0; r < _job.Ranges; r++)
            _taken[r * TakenStride] = 0;
        long job = ((Volatile.Read(ref _ticket) >> 32) + 1) << 32;
        Interlocked.Exchange(ref _ticket, job | (uint)helpers);
        int sleeping = Math.Min(Volatile.Read(ref _sleeping), helpers);
        if (sleeping > 0)
            Parked.Release(sleeping);
        TakeChunks(0);
        // Nobody may join any more; wait for those who did.
        Interlocked.And(ref _ticket, ~0L << 32);
        var spin = new SpinWait();
        while (Volatile.Read(ref _running) != 0)
            spin.SpinOnce(sleep1Threshold: -1);
        Exception? failure = _failure;
        Volatile.Write(ref _busy, 0);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private static void Invoke<T>(void* body, int chunk)
        where T : unmanaged, IChunkBody => Unsafe.AsRef<T>(body).Run(chunk);

    /// <summary>Takes chunks until none is left, those of the thread's own range first.</summary>
    private static void TakeChunks(int thread)
    {
        _inside = true;
        try
        {
            Job job = _job;
            for (int i = 0; i < job.Ranges; i++)
            {
                int range = (thread + i) % job.Ranges, first = FirstOf(range, job), count = FirstOf(range + 1, job) - first, taken;
                while ((taken = Interlocked.Increment(ref _taken[range * TakenStride]) - 1) < count)
                    job.Run(job.Body, first + taken);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
            for (int r = 0; r < _job.Ranges; r++)
                Volatile.Write(ref _taken[r * TakenStride], int.MaxValue / 2); // the other threads stop taking
        }
        finally
        {
            _inside = false;
        }
    }

    private static int FirstOf(int range, in Job job) => (int)((long)job.Chunks * range / job.Ranges);

    private static void Work(int thread)
    {
        while (true)
        {
            if (TryJoin())
            {
                TakeChunks(thread);
                Interlocked.Decrement(ref _running);
                continue;
            }
            if (!SpinForJob())
            {
                Interlocked.Increment(ref _sleeping);
                if ((uint)Volatile.Read(ref _ticket) == 0)
                    Parked.Wait();
                Interlocked.Decrement(ref _sleeping);
            }
        }
    }

    /// <summary>Takes one of the places in the current job. The count of running workers goes up first, so that the caller waits.</summary>
    private static bool TryJoin()
    {
        long ticket = Volatile.Read(ref _ticket);
        if ((uint)ticket == 0)
            return false;
        Interlocked.Increment(ref _running);
        if (Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket) == ticket)
            return true;
        Interlocked.Decrement(ref _running);
        return false;
    }

    private static bool SpinForJob()
    {
        for (int i = 0; i < SpinRounds; i++)
        {
            if ((uint)Volatile.Read(ref _ticket) != 0)
                return true;
            if (i % YieldEvery == YieldEvery - 1)
                Thread.Yield(); // where threads outnumber processors, the one that is waited for may need this one
            else
                Thread.SpinWait(20);
        }
        return false;
    }

    private static void EnsureWorkers(int count)
    {
        if (Workers.Count >= count)
            return;
        lock (Start)
        {
            if (_taken.Length <= count * TakenStride)
                _taken = new int[(count + 1) * TakenStride]; // no job runs: only the caller that begins one comes here
            while (Workers.Count < count)
            {
                int number = Workers.Count + 1;
                var thread = new Thread(() => Work(number)) { IsBackground = true, Name = $"graft worker {number}" };
                Workers.Add(thread);
                thread.Start();
            }
        }
    }

    private static int Initial() =>
        int.TryParse(Environment.GetEnvironmentVariable("GRAFT_THREADS"), out int count) && count > 0 ? count : Environment.ProcessorCount;
}

using Graft.Kernels;
using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>Chunks run once each, whoever runs them, and failures reach the caller.</summary>
[Collection(CpuThreadsCollection.Name)]
public sealed unsafe class WorkerPoolTests : IDisposable
{
    private readonly int _threadsBefore = CpuThreads.Count;

    public WorkerPoolTests() => CpuThreads.Count = 4;

    public void Dispose() => CpuThreads.Count = _threadsBefore;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Every_chunk_runs_exactly_once(int chunks)
    {
        using var counts = new Counts(Math.Max(chunks, 1));
        for (int round = 1; round <= 200; round++)
        {
            CpuThreads.Count = 1 + round % 5;
            var body = new CountBody { Counts = counts.Pointer };
            WorkerPool.For(chunks, ref body);
            counts.AssertAll(chunks, round);
        }
    }

    [Fact]
    public void A_chunk_that_throws_reaches_the_caller_and_the_pool_goes_on()
    {
        using var counts = new Counts(100);
        for (int round = 1; round <= 50; round++)
        {
            var bad = new ThrowBody { Chunk = round };
            var thrown = Assert.Throws<InvalidOperationException>(() => WorkerPool.For(100, ref bad));
            Assert.Equal($"chunk {round}", thrown.Message);
            var good = new CountBody { Counts = counts.Pointer };
            WorkerPool.For(100, ref good);
            counts.AssertAll(100, round);
        }
    }

    [Fact]
    public void A_call_within_a_chunk_runs_there()
    {
        using var counts = new Counts(20 * 30);
        var body = new NestedBody { Counts = counts.Pointer };
        WorkerPool.For(20, ref body);
        counts.AssertAll(20 * 30, 1);
    }

    [Fact]
    public void Callers_on_several_threads_each_get_their_chunks_done()
    {
        const int Callers = 3, Rounds = 300, Chunks = 50;
        var failures = new Exception?[Callers];
        Thread[] threads = [.. Enumerable.Range(0, Callers).Select(caller => new Thread(() =>
            failures[caller] = Record.Exception(() =>
            {
                using var counts = new Counts(Chunks);
                for (int round = 1; round <= Rounds; round++)
                {
                    var body = new CountBody { Counts = counts.Pointer };
                    WorkerPool.For(Chunks, ref body);
                    counts.AssertAll(Chunks, round);
                }
            })))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.All(failures, Assert.Null);
    }

    [Fact]
    public void A_thread_begins_with_a_range_of_its_own()
    {
        const int Chunks = 8;
        using var threads = new Counts(Chunks);
        using var arrived = new Counts(1);
        var body = new TogetherBody { Threads = threads.Pointer, Arrived = arrived.Pointer };
        WorkerPool.For(Chunks, ref body);
        int[] first = [.. Enumerable.Range(0, 4).Select(r => threads.Pointer[r * 2])];
        Assert.Equal(4, first.Distinct().Count()); // four threads, each in the first chunk of a range
        Assert.Equal(Environment.CurrentManagedThreadId, first[0]);
    }

    [Fact]
    public void A_chunk_may_wait_for_one_of_a_lower_number()
    {
        const int Chunks = 60, Behind = 13;
        for (int round = 1; round <= 300; round++)
        {
            using var done = new Counts(Chunks);
            var body = new WaitBody { Done = done.Pointer, Behind = Behind, Throwing = -1 };
            WorkerPool.For(Chunks, ref body);
            done.AssertAll(Chunks, 1);
            var bad = new WaitBody { Done = done.Pointer, Behind = Behind, Throwing = round % Chunks };
            new Span<int>(done.Pointer, Chunks).Clear();
            Assert.Throws<InvalidOperationException>(() => WorkerPool.For(Chunks, ref bad));
        }
    }

    [Fact]
    public void A_parked_pool_wakes()
    {
        using var counts = new Counts(64);
        for (int round = 1; round <= 3; round++)
        {
            Thread.Sleep(50); // far longer than workers spin
            var body = new CountBody { Counts = counts.Pointer };
            WorkerPool.For(64, ref body);
            counts.AssertAll(64, round);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(10, 3)]
    [InlineData(9, 3)]
    [InlineData(5, 100)]
    [InlineData(0, 4)]
    public void Rows_are_each_visited_once(int rows, int rowsPerChunk)
    {
        using var counts = new Counts(Math.Max(rows, 1));
        ParallelRows.Run(rows, rowsPerChunk, new RowBody { Counts = counts.Pointer });
        counts.AssertAll(rows, 1);
    }

    [Fact]
    public void Fewer_than_one_thread_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuThreads.Count = 0);

    private struct CountBody : IChunkBody
    {
        public int* Counts;

        public readonly void Run(int chunk) => Interlocked.Increment(ref Counts[chunk]);
    }

    private struct ThrowBody : IChunkBody
    {
        public int Chunk;

        public readonly void Run(int chunk)
        {
            if (chunk == Chunk)
                throw new InvalidOperationException($"chunk {chunk}");
        }
    }

    // In the first chunk of each of four ranges, waits until four are there.
    private struct TogetherBody : IChunkBody
    {
        public int* Threads, Arrived;

        public readonly void Run(int chunk)
        {
            Threads[chunk] = Environment.CurrentManagedThreadId;
            if (chunk % 2 != 0)
                return;
            Interlocked.Increment(ref *Arrived);
            while (Volatile.Read(ref *Arrived) < 4)
                Thread.Yield();
        }
    }

    private struct WaitBody : IChunkBody
    {
        public int* Done;
        public int Behind, Throwing;

        public readonly void Run(int chunk)
        {
            if (chunk == Throwing)
                throw new InvalidOperationException($"chunk {chunk}");
            while (chunk >= Behind && Volatile.Read(ref Done[chunk - Behind]) == 0)
            {
                if (WorkerPool.HasFailed)
                    return;
                Thread.Yield();
            }
            Interlocked.Increment(ref Done[chunk]);
        }
    }

    private struct NestedBody : IChunkBody
    {
        public int* Counts;

        public readonly void Run(int chunk)
        {
            var inner = new CountBody { Counts = Counts + chunk * 30 };
            WorkerPool.For(30, ref inner);
        }
    }

    private struct RowBody : IRowBody
    {
        public int* Counts;

        public readonly void Run(int first, int end)
        {
            for (int row = first; row < end; row++)
                Interlocked.Increment(ref Counts[row]);
        }
    }

    /// <summary>Counters outside the managed heap, for bodies that hold pointers only.</summary>
    private sealed class Counts(int count) : IDisposable
    {
        public int* Pointer { get; } = (int*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)count, sizeof(int));

        public void AssertAll(int count, int expected) =>
            Assert.Equal(-1, new Span<int>(Pointer, count).IndexOfAnyExcept(expected));

        public void Dispose() => System.Runtime.InteropServices.NativeMemory.Free(Pointer);
    }
}

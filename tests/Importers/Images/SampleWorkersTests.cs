using Graft.Importers.Images;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Threads that prepare batches sample by sample.</summary>
public class SampleWorkersTests
{
    [Theory]
    [InlineData(1, 20)]
    [InlineData(3, 20)]
    [InlineData(3, 1)] // fewer samples than threads
    public void Each_sample_is_prepared_once(int threads, int samples)
    {
        using var workers = new SampleWorkers(threads);
        var counts = new int[8, samples];
        SampleWorkers.Job[] jobs = [.. Enumerable.Range(0, 8).Select(b => workers.Begin(samples, i => Interlocked.Increment(ref counts[b, i])))];
        foreach (SampleWorkers.Job job in jobs)
            workers.Wait(job, TestContext.Current.CancellationToken);
        Assert.All(counts.Cast<int>(), count => Assert.Equal(1, count));
    }

    [Fact]
    public void Batches_of_one_sample_are_prepared_side_by_side()
    {
        using var workers = new SampleWorkers(2);
        using var both = new Barrier(2);
        void Meet(int _) => Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(60)), "the other sample was not begun");
        SampleWorkers.Job first = workers.Begin(1, Meet), second = workers.Begin(1, Meet);
        workers.Wait(first, TestContext.Current.CancellationToken);
        workers.Wait(second, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void No_more_samples_are_at_work_than_there_are_threads()
    {
        using var workers = new SampleWorkers(2);
        int at = 0, most = 0;
        var counting = new Lock();
        SampleWorkers.Job job = workers.Begin(12, _ =>
        {
            lock (counting)
                most = Math.Max(most, ++at);
            Thread.Sleep(1);
            lock (counting)
                at--;
        });
        workers.Wait(job, TestContext.Current.CancellationToken);
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public void The_first_sample_with_an_error_is_told_once_all_are_done()
    {
        using var workers = new SampleWorkers(3);
        int done = 0;
        SampleWorkers.Job job = workers.Begin(9, i =>
        {
            Thread.Sleep(i == 2 ? 30 : 0); // it fails last
            Interlocked.Increment(ref done);
            if (i is 2 or 5 or 8)
                throw new GraftException($"sample {i}");
        });
        var error = Assert.Throws<GraftException>(() => workers.Wait(job, TestContext.Current.CancellationToken));
        Assert.Equal("sample 2", error.Message);
        Assert.Equal(9, done);
    }

    [Fact]
    public void Waiting_ends_when_it_is_cancelled_and_disposing_waits_for_what_is_begun()
    {
        using var begun = new ManualResetEventSlim();
        using var source = new CancellationTokenSource();
        int prepared = 0;
        using (var workers = new SampleWorkers(1))
        {
            SampleWorkers.Job job = workers.Begin(5, _ =>
            {
                begun.Set();
                source.Token.WaitHandle.WaitOne();
                Thread.Sleep(20);
                prepared++;
            });
            begun.Wait(TestContext.Current.CancellationToken);
            source.CancelAfter(5);
            Assert.ThrowsAny<OperationCanceledException>(() => workers.Wait(job, source.Token));
        }
        Assert.InRange(prepared, 1, 5); // the sample at work was ended
    }

    [Fact]
    public void A_batch_without_samples_is_done() // and takes no thread
    {
        using var workers = new SampleWorkers(2);
        workers.Wait(workers.Begin(0, _ => Assert.Fail("there is no sample")), TestContext.Current.CancellationToken);
    }
}

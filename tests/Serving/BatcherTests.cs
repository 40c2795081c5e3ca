using Graft.Serving;
using Xunit;

namespace Graft.Tests.Serving;

/// <summary>How samples come together, with a computation that the test holds up.</summary>
public sealed class BatcherTests : IDisposable
{
    private const int MaxBatch = 4;
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1); // nothing in here waits for it

    private readonly List<int> _sizes = [];
    private readonly SemaphoreSlim _begun = new(0), _goOn = new(0);

    public void Dispose()
    {
        _begun.Dispose();
        _goOn.Dispose();
    }

    [Fact]
    public async Task Samples_that_come_while_a_batch_is_computed_make_the_next_ones()
    {
        await using var batcher = new Batcher(Held, MaxBatch, TimeSpan.Zero, () => int.MaxValue);
        batcher.Start();
        List<Task<float[][]>> answers = [Ask(batcher, 0)];
        await Begun();
        answers.AddRange(Enumerable.Range(1, 6).Select(i => Ask(batcher, i)));
        _goOn.Release(3);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => (float)i), (await Task.WhenAll(answers)).Select(a => a[0][0]));
        Assert.Equal([1, MaxBatch, 2], _sizes);
    }

    [Fact]
    public async Task A_sample_waits_for_others_that_are_under_way_and_not_if_there_are_none()
    {
        _goOn.Release(2);
        int arriving = 0;
        using var asked = new SemaphoreSlim(0);
        await using var batcher = new Batcher(Held, MaxBatch, s_longest, () =>
        {
            int now = Volatile.Read(ref arriving);
            if (now > 0)
                asked.Release();
            return now;
        });
        batcher.Start();
        await Ask(batcher, 0);
        Volatile.Write(ref arriving, 1);
        Task<float[][]> first = Ask(batcher, 1);
        await asked.WaitAsync(TestContext.Current.CancellationToken);
        Volatile.Write(ref arriving, 0);
        await Task.WhenAll(first, Ask(batcher, 2));
        Assert.Equal([1, 2], _sizes);
    }

    [Fact]
    public async Task Samples_of_other_shapes_make_a_batch_of_their_own()
    {
        await using var batcher = new Batcher(Held, MaxBatch, TimeSpan.Zero, () => int.MaxValue);
        batcher.Start();
        List<Task<float[][]>> answers = [Ask(batcher, 0)];
        await Begun();
        answers.AddRange([Ask(batcher, 1, length: 2), Ask(batcher, 2, length: 3), Ask(batcher, 3, length: 2)]);
        _goOn.Release(3);
        Assert.Equal([0f, 1, 2, 3], (await Task.WhenAll(answers)).Select(a => a[0][0]));
        Assert.Equal([1, 2, 1], _sizes);
    }

    [Fact]
    public async Task A_sample_that_nobody_waits_for_is_left_out()
    {
        await using var batcher = new Batcher(Held, MaxBatch, TimeSpan.Zero, () => int.MaxValue);
        batcher.Start();
        Task<float[][]> first = Ask(batcher, 0);
        await Begun();
        using var gone = new CancellationTokenSource();
        Task<float[][]> second = Ask(batcher, 1, cancellation: gone.Token), third = Ask(batcher, 2);
        await gone.CancelAsync();
        _goOn.Release(2);
        await first;
        Assert.Equal(2, (await third)[0][0]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.Equal([1, 1], _sizes);
    }

    [Fact]
    public async Task A_batch_that_nobody_waits_for_is_broken_off()
    {
        await using var batcher = new Batcher(Held, MaxBatch, TimeSpan.Zero, () => int.MaxValue);
        batcher.Start();
        using var gone = new CancellationTokenSource();
        Task<float[][]> only = Ask(batcher, 0, cancellation: gone.Token);
        await Begun();
        await gone.CancelAsync(); // and it is never told to go on
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => only);
    }

    [Fact]
    public async Task What_is_wrong_with_one_sample_is_told_to_it_alone()
    {
        float[][][] Picky(IReadOnlyList<Sample> samples, CancellationToken cancellation) =>
            samples.Any(s => s.Inputs[0].Values[0] == 2) ? throw new GraftException("no 2 here") : Held(samples, cancellation);
        await using var batcher = new Batcher(Picky, MaxBatch, s_longest, () => 0);
        _goOn.Release(3);
        Task<float[][]>[] answers = [Ask(batcher, 1), Ask(batcher, 2), Ask(batcher, 3)];
        batcher.Start();
        Assert.Equal(1, (await answers[0])[0][0]);
        Assert.Equal("no 2 here", (await Assert.ThrowsAsync<GraftException>(() => answers[1])).Message);
        Assert.Equal(3, (await answers[2])[0][0]);
    }

    private Task Begun() => _begun.WaitAsync(TestContext.Current.CancellationToken);

    private static Task<float[][]> Ask(Batcher batcher, float value, int length = 1, CancellationToken cancellation = default) =>
        batcher.Run(new Sample([(new Shape(length), Enumerable.Repeat(value, length).ToArray())]), cancellation);

    private float[][][] Held(IReadOnlyList<Sample> samples, CancellationToken cancellation)
    {
        _begun.Release();
        if (!_goOn.Wait(TestServer.Patience, cancellation))
            throw new TimeoutException("Nobody lets the batch go on.");
        _sizes.Add(samples.Count);
        return [.. samples.Select(s => new[] { s.Inputs[0].Values })];
    }
}

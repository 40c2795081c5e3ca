using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>How long Fit says that it waited for its data: bounds that hold however slow the machine is.</summary>
public sealed class DataWaitTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void The_history_counts_what_the_data_took_and_not_what_training_took()
    {
        var data = new WatchedBatches(TrainingData.Binary(count: 24, batchSize: 8), () => Thread.Sleep(Pause));
        var waits = new List<TimeSpan>();
        History history = TrainingData.BinaryModel().Fit(data, 2, options: new FitOptions
        {
            Callbacks = [new LambdaCallback { BatchEnd = (_, p) =>
            {
                waits.Add(p.DataWait);
                Thread.Sleep(Pause);
            } }],
        });
        for (int epoch = 0; epoch < 2; epoch++)
        {
            double wait = history["data_wait_seconds"][epoch], seconds = history["seconds"][epoch];
            Assert.InRange(wait, 3 * Pause.TotalSeconds * 0.9, seconds - 3 * Pause.TotalSeconds * 0.9); // three pauses of each kind; a sleep may end a tick early
        }
        Assert.Equal(6, waits.Count);
        Assert.True(waits[0] >= Pause * 0.9 && waits[1] >= waits[0] + Pause * 0.9, "The wait grows batch by batch.");
    }
}

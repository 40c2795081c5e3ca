using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Data sets whose arrays or batches are not what they say.</summary>
public sealed class BatchSourceTests
{
    private static string Refusal(Func<object> act) => Assert.ThrowsAny<GraftException>(act).Message;

    [Fact]
    public void Arrays_without_numbers_and_weights_that_are_none_are_refused()
    {
        Assert.Contains("one number or more each", Refusal(() => new ArrayBatches([1, 2], new Shape(0, 3), [1], new Shape(1), LabelKind.Values)), StringComparison.Ordinal);
        Assert.Contains("one number or more each", Refusal(() => new ArrayBatches([1, 2], new Shape(2), [], new Shape(0), LabelKind.Values)), StringComparison.Ordinal);
        Assert.Contains("the weight of sample 1 (counted from 0) is NaN",
            Refusal(() => new ArrayBatches([1, 2], new Shape(1), [1, 2], new Shape(1), LabelKind.Values, sampleWeights: [1, float.NaN])), StringComparison.Ordinal);
        Assert.Contains("none is left open", Assert.Throws<ArgumentOutOfRangeException>(() => new Sequential(-1, 3)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sample_that_comes_in_no_batch_has_no_outputs_and_is_told()
    {
        Model model = Compiled();
        Assert.Contains("Sample 6 (counted from 0) came in no batch of the data, a Counting", Refusal(() => model.Predict(new Counting(10, 6), TrainingData.Token)), StringComparison.Ordinal);
        Assert.Contains("Sample 6", Refusal(() => model.Evaluate(new Counting(10, 6), keepPredictions: true, TrainingData.Token)), StringComparison.Ordinal);
        Assert.Contains("has sample 10 (counted from 0), but the data says that it has 10", Refusal(() => model.Predict(new Counting(10, 14), TrainingData.Token)), StringComparison.Ordinal);
        Assert.Equal(10, model.Predict(new Counting(10, 10), TrainingData.Token).Length);
        model.Release();
    }

    [Fact]
    public void An_epoch_without_batches_is_no_epoch_of_loss_0()
    {
        Model model = Compiled();
        var options = new FitOptions { CancellationToken = TrainingData.Token };
        Assert.Contains("Epoch 0 (counted from 0) of the data, a Counting, gave no batch, where 3 are due", Refusal(() => model.Fit(new Counting(10, 0), 1, null, options)), StringComparison.Ordinal);
        Assert.Contains("gave no batch", Refusal(() => model.Evaluate(new Counting(10, 0), cancellationToken: TrainingData.Token)), StringComparison.Ordinal);
        Assert.Contains("InitialBatch is 3, but an epoch of this data has 3 batches, 0 to 2", Refusal(() => model.Fit(new Counting(10, 10), 1, null, new FitOptions { InitialBatch = 3, CancellationToken = TrainingData.Token })), StringComparison.Ordinal);
        model.Release();
    }

    private static Sequential Compiled()
    {
        var model = new Sequential(2) { new Dense(1) };
        model.Compile(new Sgd(), Loss.MeanSquaredError());
        return model;
    }

    /// <summary>A data set of a user's own that says how many samples it has, and gives as many as it likes.</summary>
    private sealed class Counting(int says, int gives) : BatchSource
    {
        public override int Count => says;

        public override int BatchSize => 4;

        public override Shape SampleShape { get; } = new(2);

        public override Shape LabelShape { get; } = new(1);

        public override LabelKind LabelKind => LabelKind.Values;

        public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
        {
            for (int from = firstBatch * BatchSize; from < gives; from += BatchSize)
            {
                int size = Math.Min(BatchSize, gives - from);
                yield return new Batch(new float[2 * size], SampleShape.Prepend(size), new float[size], LabelShape.Prepend(size));
            }
        }
    }
}

using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class MixedBatchesTests
{
    private const int Samples = 24, Side = 6;

    [Fact]
    public void Mixup_blends_inputs_and_labels_in_one_share_of_each_batch()
    {
        // Sample i is i everywhere, its label one-hot at i: the mixed label says which two samples were mixed, and how.
        foreach (Batch batch in new MixUp(Data(), alpha: 0.4f, seed: 3).Epoch(0, 0, TrainingData.Token))
        {
            float[] kept = [.. Enumerable.Range(0, batch.Size).Select(i => Weighted(batch, i))];
            Assert.Equal(kept, Enumerable.Range(0, batch.Size).Select(i => batch.Inputs[i * Side * Side]), (a, b) => MathF.Abs(a - b) < 1e-4f); // sums of float32 products
            Assert.All(Enumerable.Range(0, batch.Size), i => Assert.Equal(1, Label(batch, i).Sum(), 1e-6));
            Assert.Empty(batch.Indices);
        }
    }

    [Fact]
    public void Cutmix_pastes_one_rectangle_and_labels_have_its_share()
    {
        bool pasted = false;
        foreach (Batch batch in new CutMix(Data(), seed: 5).Epoch(0, 0, TrainingData.Token))
        {
            for (int i = 0; i < batch.Size; i++)
            {
                Assert.Equal(Weighted(batch, i), batch.Inputs.AsSpan(i * Side * Side, Side * Side).ToArray().Average(), 1e-4); // the mean of its pixels follows the areas
                pasted |= batch.Inputs.AsSpan(i * Side * Side, Side * Side).ToArray().Distinct().Count() == 2;
            }
        }
        Assert.True(pasted);
    }

    [Fact]
    public void The_same_seed_epoch_and_batch_mix_the_same_also_from_the_middle_of_an_epoch()
    {
        var mixed = new MixUp(Data(), seed: 1);
        Batch[] whole = [.. mixed.Epoch(2, 0, TrainingData.Token)], rest = [.. mixed.Epoch(2, 1, TrainingData.Token)];
        Assert.Equal(whole[1..].Select(b => b.Inputs), rest.Select(b => b.Inputs));
        Assert.NotEqual(whole[0].Labels, mixed.Epoch(3, 0, TrainingData.Token).First().Labels);
    }

    [Fact]
    public void The_shares_follow_the_beta_distribution()
    {
        // Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)); of 4000 draws the mean is within 0.03 and the variance within 10 %.
        var mixed = new MixUp(new ArrayBatches([0, 1], new Shape(1), [0, 1], new Shape(1), LabelKind.Values, 2), alpha: 0.4f);
        double[] shares = [.. Enumerable.Range(0, 8000).Select(e => mixed.Epoch(e, 0, TrainingData.Token).Single().Inputs).Where(x => x[0] != 0 || x[1] != 1).Select(x => (double)x[1])];
        double mean = shares.Average(), variance = shares.Average(s => (s - mean) * (s - mean));
        Assert.Equal(0.5, mean, 0.03);
        Assert.Equal(1 / (4 * (2 * 0.4 + 1)), variance, 0.1 / (4 * (2 * 0.4 + 1)));
    }

    [Fact]
    public void Training_on_mixed_batches_learns_and_takes_no_features_from_a_cache()
    {
        var model = new Sequential(TrainingData.Features) { new Dense(8, Activation.Tanh) { Trainable = false }, new Dense(3, Activation.Softmax) };
        model.SetSeed(2);
        model.Compile(new Adam(0.05f), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
        History history = model.Fit(new MixUp(TrainingData.OneHot(), seed: 4), 30, TrainingData.OneHot());
        Assert.True(history.Last("val_accuracy") > 0.9);
        Assert.Contains(history.Notes, n => n.Contains("training samples computed at every step", StringComparison.Ordinal));
    }

    [Fact]
    public void Class_indices_and_samples_that_are_no_images_are_refused()
    {
        Assert.Contains("one-hot", Assert.Throws<GraftException>(() => new MixUp(TrainingData.Sparse())).Message, StringComparison.Ordinal);
        Assert.Contains("Take MixUp", Assert.Throws<ShapeException>(() => new CutMix(TrainingData.OneHot())).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new MixUp(TrainingData.OneHot(), alpha: 0));
    }

    private static ArrayBatches Data() => new([.. Enumerable.Range(0, Samples).SelectMany(i => Enumerable.Repeat((float)i, Side * Side))], new Shape(Side, Side, 1),
        [.. Enumerable.Range(0, Samples).SelectMany(i => Enumerable.Range(0, Samples).Select(k => k == i ? 1f : 0))], new Shape(Samples), LabelKind.Categorical, batchSize: 8, shuffleSeed: 1);

    private static float[] Label(Batch batch, int sample) => batch.Labels[(sample * Samples)..((sample + 1) * Samples)];

    /// <summary>The value that the pixels of a sample have in the mean, by its label.</summary>
    private static float Weighted(Batch batch, int sample) => Label(batch, sample).Select((share, i) => share * i).Sum();
}

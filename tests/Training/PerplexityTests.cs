using Graft.Autograd;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class PerplexityTests
{
    // The loss of a batch is a float32; its mean over batches is not taken in one sum.
    private const double Tolerance = 1e-6;

    [Fact]
    public void Perplexity_is_e_to_the_mean_loss_over_all_tokens_also_where_the_last_block_is_not_full()
    {
        TextBlocks blocks = TinyText.Blocks(repeats: 1, batchSize: 4, shuffleSeed: null);
        Assert.NotEqual(0, blocks.LabelCount % TinyText.Length); // else the test shows nothing
        Gpt2 gpt = TinyText.Model();
        gpt.Compile(new AdamW(1e-2f), TextBlocks.Loss, Metric.Perplexity);
        gpt.Fit(blocks, epochs: 2);
        EvaluationResult result = gpt.Evaluate(blocks, cancellationToken: TestContext.Current.CancellationToken);
        double sum = 0;
        foreach (Batch batch in blocks.Epoch(0, 0, TestContext.Current.CancellationToken))
        {
            using var tape = new Tape(gpt.Device);
            float[] logits = gpt.Forward(tape, [tape.Constant(batch.InputShape, batch.Inputs)]).ToArray();
            for (int i = 0; i < batch.Labels.Length; i++)
            {
                double[] row = [.. logits.Skip(i * gpt.VocabularySize).Take(gpt.VocabularySize).Select(l => (double)l)];
                if (batch.Labels[i] != TextBlocks.IgnoredLabel)
                    sum += Math.Log(row.Sum(Math.Exp)) - row[(int)batch.Labels[i]];
            }
        }
        Assert.Equal(sum / blocks.LabelCount, result.Loss, Tolerance);
        Assert.Equal(Math.Exp(result.Loss), result["perplexity"]);
        gpt.Release();
    }

    [Fact]
    public void History_has_it_for_training_and_validation()
    {
        Gpt2 gpt = TinyText.Model();
        gpt.Compile(new AdamW(1e-2f), TextBlocks.Loss, Metric.Create("perplexity"));
        History history = gpt.Fit(TinyText.Blocks(), 3, TinyText.Blocks(repeats: 1, shuffleSeed: null));
        foreach (string prefix in new[] { "", "val_" })
            Assert.Equal(history[$"{prefix}loss"].Select(Math.Exp), history[$"{prefix}perplexity"]);
        Assert.True(history.Last("val_perplexity") < history["val_perplexity"][0]);
        gpt.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_history_is_the_same_whether_outputs_come_to_the_host_or_not(bool planned)
    {
        double[][] losses = [.. new Metric[][] { [], [Metric.Perplexity], [new Watcher()] }.Select(metrics =>
        {
            Gpt2 gpt = TinyText.Model(dropout: 0.1f);
            gpt.PlanOptions = gpt.PlanOptions with { IsEnabled = planned };
            gpt.Compile(new AdamW(1e-2f), TextBlocks.Loss, metrics);
            History history = gpt.Fit(TinyText.Blocks(), 2, TinyText.Blocks(repeats: 1));
            gpt.Release();
            if (metrics is [Watcher watcher])
                Assert.True(watcher.Largest > 0); // it was shown outputs
            return (double[])[.. history["loss"], .. history["val_loss"]];
        })];
        Assert.Equal(losses[2], losses[0]);
        Assert.Equal(losses[2], losses[1]);
    }

    private sealed class Watcher() : Metric("largest")
    {
        public float Largest { get; private set; }

        public override double Result => Largest;

        public override void Reset() => Largest = 0;

        public override void Update(MetricBatch batch)
        {
            foreach (float output in batch.Predictions)
                Largest = Math.Max(Largest, output);
        }
    }
}

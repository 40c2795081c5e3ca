using Graft.Importers.Text;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>A training that is ended at any step and gone on with in a new model ends in the same bits.</summary>
public sealed class TrainingCheckpointTests : IDisposable
{
    private const int Epochs = 2;

    private readonly TemporaryFiles _files = new();

    private string State => _files["training.graft"];

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(0, null)]
    [InlineData(0.2f, null)] // dropout draws the same masks
    [InlineData(0, 1)] // a frozen base, with its cache
    public void Killed_at_any_step_it_ends_in_the_same_bits(float dropout, int? trainableBlocks)
    {
        TextBlocks data = TinyText.Blocks();
        (float[] whole, History expected) = Train(data, dropout, trainableBlocks);
        int steps = Epochs * data.BatchesPerEpoch;
        for (int killed = 1; killed < steps; killed += 3)
        {
            Kill(data, dropout, trainableBlocks, killed, everySteps: 1);
            (float[] resumed, History history) = Resume(data, dropout, trainableBlocks);
            Assert.Equal(whole, resumed);
            Assert.Equal(expected["val_loss"], history["val_loss"]);
            Assert.Equal([0, 1], history.Epochs);
        }
    }

    [Fact]
    public void Kept_after_epochs_alone_the_killed_epoch_is_done_again_and_its_whole_history_is_the_same()
    {
        TextBlocks data = TinyText.Blocks();
        (float[] whole, History expected) = Train(data);
        Kill(data, 0, null, data.BatchesPerEpoch + 3, everySteps: 0);
        (float[] resumed, History history) = Resume(data);
        Assert.Equal(whole, resumed);
        Assert.Equal(expected["loss"], history["loss"]);
        Assert.Equal(expected["val_loss"], history["val_loss"]);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)] // the last step of an epoch has fewer
    public void Accumulated_gradients_are_whole_where_it_goes_on(int accumulation)
    {
        TextBlocks data = TinyText.Blocks();
        (float[] whole, _) = Train(data, accumulation: accumulation);
        for (int killed = accumulation; killed < data.BatchesPerEpoch + 4; killed++)
        {
            Kill(data, 0, null, killed, everySteps: 1, accumulation);
            Assert.Equal(whole, Resume(data, accumulation: accumulation).Weights);
        }
    }

    [Fact]
    public void A_cancelled_training_is_kept_at_its_last_step()
    {
        TextBlocks data = TinyText.Blocks();
        (float[] whole, _) = Train(data);
        Gpt2 gpt = Compiled(data, 0, null, 1);
        using var cancel = new CancellationTokenSource();
        var checkpoint = new TrainingCheckpoint(State);
        var stop = new LambdaCallback { BatchEnd = (_, p) => { if (p is { Epoch: 1, Step: 2 }) cancel.Cancel(); } };
        Assert.Throws<OperationCanceledException>(() => gpt.Fit(data, Epochs, options: new FitOptions { Callbacks = [checkpoint, stop], CancellationToken = cancel.Token }));
        Assert.True(checkpoint.SaveCancelled(gpt));
        Gpt2 again = Compiled(data, 0, null, 1);
        Assert.Equal((1, 2), TrainingCheckpoint.Restore(again, State, data) is var (_, epoch, batch) ? (epoch, batch) : default);
        Assert.Equal(TinyText.Weights(gpt), TinyText.Weights(again));
        Assert.Equal(whole, Resume(data).Weights);
        gpt.Release();
        again.Release();
    }

    [Fact]
    public void A_plain_model_file_is_read_too_and_a_GPT2_remains_one()
    {
        Gpt2 gpt = TinyText.Model();
        ModelFile.Save(gpt, State);
        Gpt2 other = TinyText.Model(seed: 9);
        Assert.NotEqual(TinyText.Weights(gpt), TinyText.Weights(other));
        Assert.Null(ModelFile.Restore(other, State));
        Assert.Equal(TinyText.Weights(gpt), TinyText.Weights(other));
        SavedModel loaded = ModelFile.Load(State); // the tied output finds its embedding in the graph
        Assert.Equal(TinyText.Weights(gpt), TinyText.Weights(loaded.Model));
        float[] ids = [.. Enumerable.Range(0, TinyText.Length).Select(i => (float)i)];
        Assert.Equal(gpt.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0], loaded.Model.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0]);
    }

    [Fact]
    public void Another_model_is_refused_and_stays_as_it_is()
    {
        ModelFile.Save(TinyText.Model(), State);
        Gpt2 wide = Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = TinyText.Length, Width = 32, Blocks = 3, Heads = 2 });
        float[] before = TinyText.Weights(wide);
        string message = Assert.Throws<GraftException>(() => ModelFile.Restore(wide, State)).Message;
        Assert.Contains("is of another model than 'gpt2': missing h.2.ln_1/gamma", message, StringComparison.Ordinal);
        Assert.Contains("more", message, StringComparison.Ordinal);
        Assert.Equal(before, TinyText.Weights(wide));
    }

    [Fact]
    public void A_missing_or_damaged_file_and_a_model_that_is_not_compiled_are_told()
    {
        TextBlocks data = TinyText.Blocks();
        Gpt2 gpt = Compiled(data, 0, null, 1);
        Assert.Contains("no such file", Assert.Throws<GraftException>(() => TrainingCheckpoint.Restore(gpt, State, data)).Message, StringComparison.Ordinal);
        Assert.Contains("not compiled", Assert.Throws<GraftException>(() => TrainingCheckpoint.Restore(TinyText.Model(), State, data)).Message, StringComparison.Ordinal);
        ModelFile.Save(gpt, State);
        byte[] bytes = File.ReadAllBytes(State);
        bytes[bytes.Length / 2] ^= 1;
        float[] before = TinyText.Weights(gpt);
        File.WriteAllBytes(State, bytes);
        Assert.StartsWith(State, Assert.Throws<GraftException>(() => TrainingCheckpoint.Restore(gpt, State, data)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(State, bytes[..(bytes.Length / 2)]);
        Assert.StartsWith(State, Assert.Throws<GraftException>(() => TrainingCheckpoint.Restore(gpt, State, data)).Message, StringComparison.Ordinal);
        Assert.Equal(before, TinyText.Weights(gpt));
        gpt.Release();
    }

    private static Gpt2 Compiled(TextBlocks data, float dropout, int? trainableBlocks, int accumulation)
    {
        Gpt2 gpt = TinyText.Model(dropout);
        if (trainableBlocks is int blocks)
            gpt.Freeze(blocks);
        int steps = Epochs * ((data.BatchesPerEpoch + accumulation - 1) / accumulation);
        gpt.Compile(new AdamW(new WarmUp(new CosineDecay(1e-2f, steps - 3), 3), 0.1f) { GlobalClipNorm = 1, Decays = AdamW.AllButBiasesAndNorms }, TextBlocks.Loss, Metric.Perplexity);
        return gpt;
    }

    private static FitOptions Options(int accumulation, Callback? callback = null, History? history = null, int epoch = 0, int batch = 0) => new()
    {
        Seed = 4, AccumulationSteps = accumulation, Callbacks = callback is null ? [] : [callback], History = history, InitialEpoch = epoch, InitialBatch = batch,
    };

    private static (float[] Weights, History History) Train(TextBlocks data, float dropout = 0, int? trainableBlocks = null, int accumulation = 1)
    {
        Gpt2 gpt = Compiled(data, dropout, trainableBlocks, accumulation);
        History history = gpt.Fit(data, Epochs, TinyText.Blocks(repeats: 1, shuffleSeed: null), Options(accumulation));
        float[] weights = TinyText.Weights(gpt);
        gpt.Release();
        return (weights, history);
    }

    // Trains in a model that nobody sees again once a callback has thrown after so many batches.
    private void Kill(TextBlocks data, float dropout, int? trainableBlocks, int batches, int everySteps, int accumulation = 1)
    {
        File.Delete(State);
        Gpt2 gpt = Compiled(data, dropout, trainableBlocks, accumulation);
        var checkpoint = new Killing(new TrainingCheckpoint(State, everySteps), batches);
        Assert.Throws<KilledException>(() => gpt.Fit(data, Epochs, TinyText.Blocks(repeats: 1, shuffleSeed: null), Options(accumulation, checkpoint)));
        gpt.Release();
    }

    private (float[] Weights, History History) Resume(TextBlocks data, float dropout = 0, int? trainableBlocks = null, int accumulation = 1)
    {
        Gpt2 gpt = Compiled(data, dropout, trainableBlocks, accumulation);
        (History history, int epoch, int batch) = TrainingCheckpoint.Restore(gpt, State, data, accumulation);
        gpt.Fit(data, Epochs, TinyText.Blocks(repeats: 1, shuffleSeed: null), Options(accumulation, null, history, epoch, batch));
        float[] weights = TinyText.Weights(gpt);
        gpt.Release();
        return (weights, history);
    }

    private sealed class KilledException : Exception;

    private sealed class Killing(TrainingCheckpoint checkpoint, int batches) : Callback
    {
        private int _done;

        public override void OnTrainBegin(TrainingContext context) => checkpoint.OnTrainBegin(context);

        public override void OnBatchEnd(TrainingContext context, TrainingProgress progress)
        {
            checkpoint.OnBatchEnd(context, progress);
            if (++_done == batches)
                throw new KilledException();
        }

        public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row) => checkpoint.OnEpochEnd(context, epoch, row);
    }
}

using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>The moving average of the weights.</summary>
public sealed class WeightAverageTests
{
    private const float Momentum = 0.8f;

    [Theory]
    [InlineData(1)]
    [InlineData(2)] // an average of gradients makes one step, and the average of weights follows once
    public void Validation_and_the_end_have_the_average_that_follows_each_step_and_training_goes_on_from_the_weights_themselves(int accumulation)
    {
        using var average = new WeightAverage(Momentum);
        (float[][] plain, _, float[] last) = Train(accumulation);
        (float[][] steps, History history, float[] final) = Train(accumulation, average);
        Assert.Equal(plain, steps); // the steps do not know of the average
        Assert.Equal(plain[^1], last);
        double[] expected = [.. steps[0].Select(w => (double)w)];
        foreach (float[] step in steps[1..])
        {
            for (int i = 0; i < expected.Length; i++)
                expected[i] = Momentum * expected[i] + (1 - Momentum) * step[i];
        }
        Assert.Equal(steps.Length, 3 * (accumulation == 1 ? 5 : 3));
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], final[i], 1e-5 * Math.Max(1, Math.Abs(expected[i]))); // float32, fifteen roundings
        Assert.NotEqual(last, final);
        Model model = TrainingData.BinaryModel(new Sgd(0.5f));
        SetWeights(model, final);
        Assert.Equal(model.Evaluate(TrainingData.Binary(shuffleSeed: null), cancellationToken: TrainingData.Token).Loss, history.Last("val_loss"), 1e-9); // validated with what it ends with
        model.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Early_stopping_and_the_best_checkpoint_have_the_average_that_was_validated(bool averageIsLast)
    {
        string file = Path.GetTempFileName();
        Sequential model = TrainingData.BinaryModel(new Sgd(3f)); // so fast that a later epoch is worse
        ArrayBatches validation = TrainingData.Binary(shuffleSeed: null);
        using var average = new WeightAverage(Momentum);
        var stopping = new EarlyStopping(patience: 50);
        var best = new ModelCheckpoint(file, bestOnly: true);
        History history = model.Fit(TrainingData.Binary(), 6, validation, new FitOptions { Callbacks = averageIsLast ? [stopping, best, average] : [average, stopping, best] });
        double lowest = history["val_loss"].Min();
        Assert.Equal(lowest, history["val_loss"][stopping.BestEpoch]);
        Assert.Equal(lowest, model.Evaluate(validation, cancellationToken: TrainingData.Token).Loss, 1e-9);
        Model saved = Graft.Weights.ModelFile.Load(file).Model;
        Assert.All(saved.Parameters.Zip(model.Parameters), p => Assert.Equal(p.First.Value.ToArray(), p.Second.Value.ToArray()));
        saved.Release();
        model.Release();
        File.Delete(file);
    }

    [Fact]
    public void A_training_checkpoint_keeps_the_average_and_what_goes_on_from_it_ends_with_the_same_bits()
    {
        string file = Path.GetTempFileName();
        float[] Whole()
        {
            Sequential model = TrainingData.BinaryModel(new Sgd(0.5f));
            using var average = new WeightAverage(Momentum);
            model.Fit(TrainingData.Binary(), 3, options: new FitOptions { Callbacks = [average] });
            return Weights(model);
        }
        Sequential first = TrainingData.BinaryModel(new Sgd(0.5f));
        using (var average = new WeightAverage(Momentum))
        {
            const int Step = 7;
            long seen = 0;
            using var cancel = new CancellationTokenSource();
            var end = new LambdaCallback { BatchEnd = (_, _) => { if (++seen == Step) cancel.Cancel(); } };
            var checkpoint = new TrainingCheckpoint(file, everySteps: Step, average: average);
            Assert.ThrowsAny<OperationCanceledException>(() => first.Fit(TrainingData.Binary(), 3, options: new FitOptions { Callbacks = [average, checkpoint, end], CancellationToken = cancel.Token }));
        }
        first.Release();
        Sequential again = TrainingData.BinaryModel(new Sgd(0.5f));
        using var restored = new WeightAverage(Momentum);
        ArrayBatches data = TrainingData.Binary();
        (History history, int epoch, int batch) = TrainingCheckpoint.Restore(again, file, data, average: restored);
        Assert.NotEqual((0, 0), (epoch, batch));
        again.Fit(data, 3, options: new FitOptions { History = history, InitialEpoch = epoch, InitialBatch = batch, Callbacks = [restored] });
        Assert.Equal(Whole(), Weights(again));
        again.Release();
        File.Delete(file);
    }

    private static float[] Weights(Model model)
    {
        float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        return weights;
    }

    [Fact]
    public void What_is_frozen_keeps_its_weights_and_an_average_needs_a_momentum_below_1()
    {
        Sequential model = TrainingData.BinaryModel();
        model.GetLayer("base").Trainable = false;
        float[] before = model.GetLayer("base").Parameters[0].Value.ToArray(), head = model.GetLayer("head").Parameters[0].Value.ToArray();
        using var average = new WeightAverage();
        model.Fit(TrainingData.Binary(), 2, options: new FitOptions { Callbacks = [average] });
        Assert.Equal(before, model.GetLayer("base").Parameters[0].Value.ToArray());
        Assert.NotEqual(head, model.GetLayer("head").Parameters[0].Value.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightAverage(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightAverage(-0.1f));
        model.Release();
    }

    // Weights after each step, the history, weights at the end.
    private static (float[][] Steps, History History, float[] Last) Train(int accumulation, params Callback[] callbacks)
    {
        Sequential model = TrainingData.BinaryModel(new Sgd(0.5f));
        var steps = new List<float[]>();
        long seen = 0;
        var watch = new LambdaCallback
        {
            BatchEnd = (context, _) =>
            {
                if (context.Optimizer.Iterations != seen)
                    steps.Add(TrainingData.Weights(model));
                seen = context.Optimizer.Iterations;
            },
        };
        History history = model.Fit(TrainingData.Binary(), 3, TrainingData.Binary(shuffleSeed: null), new FitOptions { Callbacks = [.. callbacks, watch], AccumulationSteps = accumulation });
        float[] last = TrainingData.Weights(model);
        model.Release();
        return ([.. steps], history, last);
    }

    private static void SetWeights(Model model, float[] weights)
    {
        int at = 0;
        foreach (Graft.Layers.Parameter p in model.Parameters)
        {
            p.Set(weights.AsSpan(at, (int)p.Shape.Count).ToArray());
            at += (int)p.Shape.Count;
        }
    }
}

using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class LearningRateFinderTests
{
    // Falling and rising as a search does; read by fastai's valley and steep (fastai 2.7, fastai/callback/schedule.py) without their first 3 and last 5 points.
    private static readonly double[] s_losses =
        [9, 2, 1, 0.99, 0.995, 0.98, 0.97, 0.975, 0.95, 0.92, 0.88, 0.83, 0.7, 0.62, 0.6, 0.58, 0.59, 0.42, 0.43, 0.6, 0.7, 0.9, 1.2, 1.8, 2.1, 3, 3, 3, 3, 3];

    [Fact]
    public void A_search_leaves_no_trace_in_weights_statistics_optimizer_and_random_numbers()
    {
        foreach (Func<Optimizer> optimizer in new Func<Optimizer>[] { () => new Adam(0.02f), () => new Sgd(new CosineDecay(0.1f, 30), momentum: 0.9f), () => new Outside.SignSgd(0.01f) })
        {
            foreach (int before in new[] { 0, 1 }) // also before the first step, where there are no slots yet
            {
                Model plain = Network(optimizer()), searched = Network(optimizer());
                plain.Fit(TrainingData.Binary(), before);
                searched.Fit(TrainingData.Binary(), before);
                MemoryReport? report = searched.MemoryReport;
                (float rate, History? history) = (searched.Optimizer!.LearningRate, searched.History);
                LearningRateCurve curve = LearningRateFinder.Run(searched, TrainingData.Binary(), 1e-5f, 1, 30);
                Assert.True(curve.Points.Count > 15);
                Assert.Same(report, searched.MemoryReport);
                Assert.Same(history, searched.History);
                Assert.Equal(rate, searched.Optimizer.LearningRate);
                Same(plain, searched);
                History a = plain.Fit(TrainingData.Binary(), 3, options: new FitOptions { InitialEpoch = before }), b = searched.Fit(TrainingData.Binary(), 3, options: new FitOptions { InitialEpoch = before });
                Assert.Equal(a["loss"], b["loss"]);
                Same(plain, searched);
            }
        }
    }

    [Fact]
    public void The_losses_are_those_of_a_training_with_that_schedule()
    {
        const int Steps = 25;
        Model searched = Network(new Sgd(0.5f)), trained = Network(new Sgd(new ExponentialDecay(1e-3f, Steps - 1, 100)));
        LearningRateCurve curve = LearningRateFinder.Run(searched, TrainingData.Binary(), 1e-3f, 0.1f, Steps);
        List<double> losses = [];
        double seen = 0; // the running mean of an epoch's batches, which are all of one size
        trained.Fit(TrainingData.Binary(), 5, options: new FitOptions { Callbacks = [new LambdaCallback { BatchEnd = (_, p) => { seen = p.Step == 1 ? 0 : seen; losses.Add(p.Metrics["loss"] * p.Step - seen); seen = p.Metrics["loss"] * p.Step; } }] });
        Assert.Equal(Steps, curve.Points.Count);
        for (int i = 0; i < Steps; i++)
        {
            Assert.Equal(1e-3 * Math.Pow(100, i / 24.0), curve.Points[i].Rate, 1e-7);
            Assert.Equal(losses[i], curve.Points[i].Loss, 1e-5); // differences of sums
        }
        double average = 0;
        for (int i = 0; i < Steps; i++)
        {
            average = 0.98 * average + 0.02 * curve.Points[i].Loss;
            Assert.Equal(average / (1 - Math.Pow(0.98, i + 1)), curve.Points[i].Smoothed, 1e-12);
        }
        Assert.InRange(curve.Suggestion, 1e-3f, 0.1f);
    }

    [Fact]
    public void It_ends_where_the_loss_diverges_and_restores_what_diverged()
    {
        var model = new Sequential(TrainingData.Features) { new Dense(1) };
        model.Compile(new Sgd(), Loss.MeanSquaredError());
        float[] before = TrainingData.Weights(model), labels = [.. Enumerable.Range(0, 40).Select(i => i % 3 - 1f)];
        var data = new ArrayBatches([.. Enumerable.Range(0, 240).Select(i => MathF.Sin(i))], new Shape(TrainingData.Features), labels, new Shape(1), LabelKind.Values, 8);
        LearningRateCurve curve = LearningRateFinder.Run(model, data, 1e-4f, 1e6f, 60);
        Assert.InRange(curve.Points.Count, 10, 59);
        Assert.True(curve.Points[^1].Smoothed > 4 * curve.Points.Min(p => p.Smoothed));
        Assert.All(curve.Points.SkipLast(1), p => Assert.True(double.IsFinite(p.Smoothed)));
        Assert.Equal(before, TrainingData.Weights(model));
    }

    [Fact]
    public void Accumulated_batches_are_one_point()
    {
        LearningRateCurve one = LearningRateFinder.Run(Network(new Sgd()), TrainingData.Binary(40, 8), 1e-5f, 1e-4f, 20, new FitOptions { AccumulationSteps = 2 });
        Assert.Equal(20, one.Points.Count);
        Assert.Equal(20, one.Points.Select(p => p.Rate).Distinct().Count());
    }

    [Fact]
    public void A_cancelled_search_puts_everything_back()
    {
        Model model = Network(new Adam()), same = Network(new Adam());
        model.Fit(TrainingData.Binary(), 1);
        same.Fit(TrainingData.Binary(), 1);
        using var cancel = new CancellationTokenSource();
        int given = 0;
        var data = new WatchedBatches(TrainingData.Binary(), () =>
        {
            if (++given == 7)
                cancel.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => LearningRateFinder.Run(model, data, options: new FitOptions { CancellationToken = cancel.Token }));
        Same(same, model);
        model.Fit(TrainingData.Binary(), 2, options: new FitOptions { InitialEpoch = 1 }); // it is free again
    }

    [Fact]
    public void The_suggestions_are_those_of_fastai()
    {
        var curve = new LearningRateCurve([.. s_losses.Select((l, i) => new LearningRatePoint(i + 1, l, l))], s_losses.Length);
        Assert.Equal(12, curve.Suggestion);
        Assert.Equal(17, curve.Steepest);
    }

    [Fact]
    public void A_loss_that_never_falls_is_said()
    {
        var flat = new LearningRateCurve([.. Enumerable.Range(0, 30).Select(i => new LearningRatePoint(i + 1, 1, 1))], 30);
        Assert.Contains("The loss fell at no rate from 1 to 30, in 30 steps", Assert.Throws<GraftException>(() => flat.Suggestion).Message, StringComparison.Ordinal);
        Assert.Contains("The first loss is not finite", Assert.Throws<GraftException>(() => new LearningRateCurve([], 30).Steepest).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1, 50)]
    [InlineData(1e-3, 1e-4, 50)]
    [InlineData(1e-7, float.PositiveInfinity, 50)]
    [InlineData(1e-7, 1, 19)]
    public void Rates_and_steps_that_make_no_search_are_refused(float from, float to, int steps)
    {
        Assert.Contains("take a first rate above 0", Assert.Throws<GraftException>(() => LearningRateFinder.Run(Network(new Adam()), TrainingData.Binary(), from, to, steps)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_states_of_recurrent_layers_are_put_back()
    {
        Sequential Recurrent()
        {
            var made = new Sequential(3, 2) { new LSTM(4) { Stateful = true }, new Dense(1) };
            made.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
            return made;
        }
        var data = new ArrayBatches([.. Enumerable.Range(0, 24).Select(i => MathF.Cos(i))], new Shape(3, 2), [1, 0, 2, 1], new Shape(1), LabelKind.Values, batchSize: 2);
        Sequential plain = Recurrent(), searched = Recurrent();
        plain.Fit(data, 1);
        searched.Fit(data, 1);
        LearningRateFinder.Run(searched, data, 1e-4f, 1e-2f, 20);
        plain.Fit(data, 2, options: new FitOptions { InitialEpoch = 1 });
        searched.Fit(data, 2, options: new FitOptions { InitialEpoch = 1 });
        Same(plain, searched);
    }

    private static void Same(Model a, Model b)
    {
        Assert.Equal(TrainingData.Weights(a), TrainingData.Weights(b));
        Assert.Equal(a.Optimizer!.ExportState(a).Select(s => s.Name), b.Optimizer!.ExportState(b).Select(s => s.Name));
        Assert.Equal(a.Optimizer.ExportState(a).SelectMany(s => s.Values), b.Optimizer.ExportState(b).SelectMany(s => s.Values));
    }

    private static Sequential Network(Optimizer optimizer)
    {
        var model = new Sequential(TrainingData.Features) { new Dense(8, Activation.Tanh), new BatchNormalization(), new Dropout(0.2f), new Dense(1, Activation.Sigmoid) };
        model.SetSeed(6);
        model.Compile(optimizer, Loss.BinaryCrossEntropy(), Metric.Accuracy);
        return model;
    }
}

using Graft.Tests.Kernels.Cpu;
using Graft.Kernels;
using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class FitTests
{
    [Fact]
    public void Fit_learns_and_its_history_has_every_column()
    {
        Sequential model = TrainingData.BinaryModel();
        History history = model.Fit(TrainingData.Binary(), epochs: 15, TrainingData.Binary(count: 20));
        Assert.Equal(15, history.Epochs.Count);
        Assert.True(history.Last("loss") < 0.5 * history["loss"][0], history.ToCsv());
        Assert.True(history.Last("val_accuracy") > 0.9, history.ToCsv());
        foreach (string name in new[] { "loss", "accuracy", "seconds", "images_per_second", "learning_rate", "data_wait_seconds", "val_loss", "val_accuracy" })
            Assert.Contains(name, history.Names);
        Assert.Equal(0.02, history.Last("learning_rate"));
        Assert.Same(history, model.History);
    }

    [Fact]
    public void Sparse_and_one_hot_labels_train_to_the_same_weights()
    {
        float[][] weights = [.. new BatchSource[] { TrainingData.Sparse(), TrainingData.OneHot() }.Select((data, i) =>
        {
            var model = new Sequential(TrainingData.Features) { new Dense(3) };
            model.SetSeed(1);
            model.Compile(new Sgd(0.1f), i == 0 ? Loss.SparseCategoricalCrossEntropy(fromLogits: true) : Loss.CategoricalCrossEntropy(fromLogits: true), Metric.Accuracy);
            History history = model.Fit(data, epochs: 4);
            Assert.True(history.Last("accuracy") > 0.9, history.ToCsv());
            return TrainingData.Weights(model);
        })];
        for (int i = 0; i < weights[0].Length; i++)
            Assert.Equal(weights[0][i], weights[1][i], 1e-6); // the two losses may round differently
    }

    [Fact]
    public void Regression_takes_squared_absolute_and_Huber_losses()
    {
        float[] x = [.. Enumerable.Range(0, 24).Select(i => i / 12f - 1)], y = [.. x.Select(v => 2 * v + 0.5f)];
        var data = new ArrayBatches(x, new Shape(1), y, new Shape(1), LabelKind.Values, batchSize: 8);
        foreach (Loss loss in new[] { Loss.MeanSquaredError(), Loss.MeanAbsoluteError(), Loss.Huber() })
        {
            var model = new Sequential(1) { new Dense(1) };
            model.Compile(new Adam(0.1f), loss);
            Assert.True(model.Fit(data, epochs: 40).Last("loss") < 0.1, loss.Name);
        }
    }

    [Fact]
    public void The_epoch_loss_is_the_mean_over_samples_with_a_smaller_last_batch()
    {
        Sequential model = TrainingData.BinaryModel(new Sgd(0)); // nothing moves, so Fit and Evaluate see one model
        BatchSource data = TrainingData.Binary(count: 21, batchSize: 8);
        History history = model.Fit(data, epochs: 1);
        float[][] outputs = model.Predict(data, TrainingData.Token);
        double expected = data.Epoch(0, 0, TrainingData.Token).SelectMany(b => b.Indices.Select((row, i) => (Row: row, Label: b.Labels[i])))
            .Average(s => -Math.Log(s.Label > 0.5f ? outputs[s.Row][0] : 1 - outputs[s.Row][0]));
        Assert.Equal(expected, history.Last("loss"), 1e-5); // float32 losses
        Assert.Equal(expected, model.Evaluate(data, cancellationToken: TrainingData.Token).Loss, 1e-5);
    }

    [Fact]
    public void One_step_is_the_gradient_of_the_weighted_loss_worked_by_hand()
    {
        // One logit w x + b, samples (1, label 1) and (2, label 0), class 0 counts threefold.
        var model = new Sequential(1) { new Dense(1) };
        model.Parameters[0].Set([0.5f]);
        model.Parameters[1].Set([0.25f]);
        model.Compile(new Sgd(1), Loss.BinaryCrossEntropy(fromLogits: true));
        var data = new ArrayBatches([1, 2], new Shape(1), [1, 0], new Shape(1), LabelKind.Binary, batchSize: 2);
        model.Fit(data, 1, options: new FitOptions { ClassWeights = new Dictionary<int, float> { [0] = 3 } });
        double p1 = 1 / (1 + Math.Exp(-0.75)), p2 = 1 / (1 + Math.Exp(-1.25));
        Assert.Equal(0.5 - ((p1 - 1) * 1 + 3 * p2 * 2) / 2, model.Parameters[0].Value.Item(), 1e-6); // float32
        Assert.Equal(0.25 - ((p1 - 1) + 3 * p2) / 2, model.Parameters[1].Value.Item(), 1e-6);
    }

    [Fact]
    public void Class_weights_equal_sample_weights_and_are_refused_for_plain_numbers()
    {
        Sequential byClass = TrainingData.BinaryModel(), bySample = TrainingData.BinaryModel();
        float[] x = [.. Enumerable.Range(0, 12 * TrainingData.Features).Select(i => MathF.Sin(i))], y = [.. Enumerable.Range(0, 12).Select(i => (float)(i % 2))];
        ArrayBatches Data(LabelKind kind, float[]? weights) => new(x, new Shape(TrainingData.Features), y, new Shape(1), kind, 4, sampleWeights: weights);
        byClass.Fit(Data(LabelKind.Binary, null), 2, options: new FitOptions { ClassWeights = new Dictionary<int, float> { [1] = 2.5f } });
        bySample.Fit(Data(LabelKind.Binary, [.. y.Select(v => v == 1 ? 2.5f : 1)]), 2);
        Assert.Equal(TrainingData.Weights(bySample), TrainingData.Weights(byClass));

        var regression = new Sequential(TrainingData.Features) { new Dense(1) };
        regression.Compile(new Sgd(), Loss.MeanSquaredError());
        Assert.Throws<GraftException>(() => regression.Fit(Data(LabelKind.Values, null), 1, options: new FitOptions { ClassWeights = new Dictionary<int, float>() }));
    }

    [Fact]
    public void Two_runs_with_one_seed_give_the_same_bits_for_one_and_two_threads()
    {
        int threads = CpuThreads.Count;
        try
        {
            var runs = new List<float[]>();
            foreach (int count in new[] { 1, 1, 2 })
            {
                CpuThreads.Count = count;
                Sequential model = TrainingData.BinaryModel(dropout: 0.5f);
                model.Fit(TrainingData.Binary(), 3, options: new FitOptions { Seed = 11 });
                runs.Add(TrainingData.Weights(model));
            }
            Assert.Equal(runs[0], runs[1]);
            Assert.Equal(runs[0], runs[2]);
            Sequential other = TrainingData.BinaryModel(dropout: 0.5f);
            other.Fit(TrainingData.Binary(), 3, options: new FitOptions { Seed = 12 });
            Assert.NotEqual(runs[0], TrainingData.Weights(other));
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Fact]
    public void Two_hundred_steps_leave_the_number_of_live_blocks_where_it_was()
    {
        Sequential model = TrainingData.BinaryModel(dropout: 0.2f);
        BatchSource data = TrainingData.Binary(count: 37); // the last batch is smaller
        model.Fit(data, 1, data);
        int blocks = model.Device.Pool.LiveBlocks;
        long bytes = model.Device.Pool.LiveBytes;
        model.Fit(data, 40, data);
        Assert.Equal(205, model.Optimizer!.Iterations);
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        Assert.Equal(bytes, model.Device.Pool.LiveBytes);
    }

    [Fact]
    public void A_frozen_base_keeps_its_bits_and_costs_no_memory_for_backward()
    {
        var inner = new Sequential(TrainingData.Features) { new Dense(16, Activation.ReLU) { Name = "deep" } };
        inner.Name = "vgg";
        inner.Trainable = false;
        var model = new Sequential(TrainingData.Features) { inner, new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.Compile(new Adam(0.05f), Loss.BinaryCrossEntropy());
        float[] before = TrainingData.Weights(inner);
        model.Fit(TrainingData.Binary(), 2);
        Assert.Equal(before, TrainingData.Weights(inner));
        Assert.Equal(0, model.MemoryReport!.KeptBy("vgg"));
        Assert.True(model.MemoryReport.KeptBy("head") > 0, model.MemoryReport.ToString());

        inner.Trainable = true; // takes effect at the next step, without a new Compile
        int blocks = model.Device.Pool.LiveBlocks;
        model.Fit(TrainingData.Binary(), 3, options: new FitOptions { InitialEpoch = 2 });
        Assert.NotEqual(before, TrainingData.Weights(inner));
        Assert.True(model.MemoryReport.KeptBy("vgg") > 0, model.MemoryReport.ToString());
        Assert.Equal(blocks + 4 - 1, model.Device.Pool.LiveBlocks); // two slots for kernel and bias each; the packed kernel of what was frozen is given back
    }

    [Fact]
    public void Going_on_in_the_middle_of_an_epoch_gives_the_same_bits()
    {
        Sequential whole = TrainingData.BinaryModel(dropout: 0.5f);
        (string, float[])[] state = [];
        float[] weights = [];
        whole.Fit(TrainingData.Binary(), 2, options: new FitOptions
        {
            Callbacks = [new LambdaCallback { BatchEnd = (c, p) =>
            {
                if (p is { Epoch: 1, Step: 2 })
                    (state, weights) = ([.. c.Optimizer.ExportState(c.Model)], TrainingData.Weights(c.Model));
            } }],
        });

        Sequential resumed = TrainingData.BinaryModel(dropout: 0.5f, seed: 99);
        int at = 0;
        foreach (Parameter p in resumed.Parameters)
        {
            p.Set(weights.AsSpan(at, (int)p.Shape.Count));
            at += (int)p.Shape.Count;
        }
        resumed.Optimizer!.ImportState(resumed, state);
        resumed.Fit(TrainingData.Binary(), 2, options: new FitOptions { InitialEpoch = 1, InitialBatch = 2 });
        Assert.Equal(TrainingData.Weights(whole), TrainingData.Weights(resumed));
    }

    [Fact]
    public void Cancelling_leaves_the_weights_of_the_last_whole_step()
    {
        Sequential model = TrainingData.BinaryModel();
        using var source = new CancellationTokenSource();
        float[] last = [];
        var options = new FitOptions
        {
            CancellationToken = source.Token,
            Callbacks = [new LambdaCallback { BatchEnd = (c, p) =>
            {
                if (p.Step == 3)
                {
                    last = TrainingData.Weights(c.Model);
                    source.Cancel();
                }
            } }],
        };
        Assert.ThrowsAny<OperationCanceledException>(() => model.Fit(TrainingData.Binary(), 5, options: options));
        Assert.Equal(3, model.Optimizer!.Iterations);
        Assert.Equal(last, TrainingData.Weights(model));
    }

    [Fact]
    public void Cancelling_within_a_step_undoes_its_moving_statistics()
    {
        using var source = new CancellationTokenSource();
        var model = new Sequential(TrainingData.Features) { new BatchNormalization(), new CancelInForward(source), new Dense(1, Activation.Sigmoid) };
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy());
        float[] before = TrainingData.Weights(model);
        Assert.ThrowsAny<OperationCanceledException>(() => model.Fit(TrainingData.Binary(), 1, options: new FitOptions { CancellationToken = source.Token }));
        Assert.Equal(before, TrainingData.Weights(model));
    }

    [Fact]
    public void Accumulating_equal_batches_is_one_step_on_all_of_them()
    {
        Sequential large = TrainingData.BinaryModel(new Sgd(0.1f)), small = TrainingData.BinaryModel(new Sgd(0.1f));
        large.Fit(TrainingData.Binary(batchSize: 20, shuffleSeed: null), 2);
        small.Fit(TrainingData.Binary(batchSize: 5, shuffleSeed: null), 2, options: new FitOptions { AccumulationSteps = 4 });
        Assert.Equal(large.Optimizer!.Iterations, small.Optimizer!.Iterations);
        float[] expected = TrainingData.Weights(large), actual = TrainingData.Weights(small);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-6); // the same sum in another order
    }

    [Fact]
    public void Progress_reports_every_step()
    {
        var seen = new List<TrainingProgress>();
        TrainingData.BinaryModel().Fit(TrainingData.Binary(count: 20), 2, options: new FitOptions { Progress = new Immediately(seen.Add) });
        Assert.Equal([1, 2, 3, 1, 2, 3], seen.Select(p => p.Step));
        Assert.All(seen, p => Assert.True(p.Steps == 3 && p.Epochs == 2 && p.SamplesPerSecond > 0 && p.Metrics.ContainsKey("accuracy")));
        Assert.Equal(TimeSpan.Zero, seen[^1].Remaining);
    }

    [Fact]
    public void Evaluate_and_predict_follow_the_data_set_whatever_the_batch_order()
    {
        Sequential model = TrainingData.BinaryModel();
        ArrayBatches shuffled = TrainingData.Binary(count: 21), straight = TrainingData.Binary(count: 21, shuffleSeed: null);
        model.Fit(shuffled, 10);
        EvaluationResult result = model.Evaluate(shuffled, keepPredictions: true, TrainingData.Token);
        float[][] rows = model.Predict(straight, TrainingData.Token);
        Assert.Equal(rows.Select(r => r[0]), result.Predictions!.Select(r => r[0]));
        Assert.Equal(21, result.Samples);
        Assert.Equal(result["accuracy"], result.Confusion!.Accuracy, 1e-12); // both count to 21
        float[] samples = [.. straight.Epoch(0, 0, TrainingData.Token).SelectMany(b => b.Inputs)];
        Assert.Equal(rows.Select(r => r[0]), model.Predict(samples, new Shape(21, TrainingData.Features), TrainingData.Token).Select(r => r[0]));
        Assert.Contains("do not fill shape", Assert.Throws<ShapeException>(() => model.Predict(samples, new Shape(20, TrainingData.Features), TrainingData.Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Accuracy_of_a_logit_head_is_that_of_its_probabilities()
    {
        var model = new Sequential(1) { new Dense(1) };
        model.Parameters[0].Set([1f]);
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy(fromLogits: true), Metric.Accuracy);
        var data = new ArrayBatches([0.25f, -0.25f], new Shape(1), [1, 0], new Shape(1), LabelKind.Binary); // 0.25 as a logit is p = 0.56
        Assert.Equal(1, model.Evaluate(data, cancellationToken: TrainingData.Token)["accuracy"]);
    }

    [Fact]
    public void Compiling_anew_gives_the_memory_of_the_old_optimizer_back()
    {
        Sequential model = TrainingData.BinaryModel();
        _ = TrainingData.Weights(model);
        int blocks = model.Device.Pool.LiveBlocks;
        model.Fit(TrainingData.Binary(), 1);
        Assert.Equal(blocks + 8, model.Device.Pool.LiveBlocks);
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy());
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        Assert.Contains("named 'accuracy'", Assert.Throws<GraftException>(() => model.Compile(new Sgd(), Loss.BinaryCrossEntropy(), Metric.Accuracy, Metric.Accuracy)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_given_back_gives_the_memory_of_its_optimizer_back_and_that_of_no_other()
    {
        using var adam = new Adam();
        using var another = new Adam();
        Sequential model = TrainingData.BinaryModel(adam), other = TrainingData.BinaryModel(another);
        int blocks = model.Device.Pool.LiveBlocks;
        other.Fit(TrainingData.Binary(), 1); // 4 weights, 8 slots
        model.Fit(TrainingData.Binary(), 1);
        model.Release();
        Assert.Equal(blocks + 12, other.Device.Pool.LiveBlocks);
        Assert.Equal((0, 5), (adam.Iterations, another.Iterations));
        other.Release();
        Assert.Equal(blocks, other.Device.Pool.LiveBlocks);
        Assert.Equal(0, another.Iterations);
    }

    private sealed class Immediately(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}

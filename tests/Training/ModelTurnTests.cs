using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Calls on one model at once: those that would harm each other are refused, and the one that runs is not harmed.</summary>
public sealed class ModelTurnTests
{
    private const int Epochs = 3;

    [Fact]
    public void A_second_training_on_another_thread_is_refused_and_the_first_ends_in_its_own_bits()
    {
        Sequential model = TrainingData.BinaryModel(dropout: 0.2f), alone = TrainingData.BinaryModel(dropout: 0.2f);
        History expected = alone.Fit(TrainingData.Binary(), Epochs, TrainingData.Binary());
        List<Exception?> refused = [];
        void Intrude()
        {
            refused.Add(OnAnotherThread(() => model.Fit(TrainingData.Binary(), 1)));
            refused.Add(OnAnotherThread(() => model.Evaluate(TrainingData.Binary())));
            refused.Add(OnAnotherThread(() => model.Compile(new Sgd(), Loss.BinaryCrossEntropy())));
            refused.Add(OnAnotherThread(() => LearningRateFinder.Run(model, TrainingData.Binary())));
        }
        var intruder = new LambdaCallback { BatchEnd = (_, p) => { if (p is { Epoch: 1, Step: 2 }) Intrude(); }, EpochEnd = (_, epoch, _) => { if (epoch == 1) Intrude(); } };
        History history = model.Fit(TrainingData.Binary(), Epochs, TrainingData.Binary(), new FitOptions { Callbacks = [intruder] });
        Assert.Equal(8, refused.Count);
        Assert.All(refused, e => Assert.Contains("model 'sequential' is in use; Fit of it runs on another thread. Call one after the other.", Assert.IsType<GraftException>(e).Message, StringComparison.Ordinal));
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(model));
        foreach (string column in new[] { "loss", "accuracy", "val_loss", "val_accuracy" })
            Assert.Equal(expected[column], history[column]);
        Assert.Null(OnAnotherThread(() => model.Fit(TrainingData.Binary(), 1))); // it is free again
    }

    [Fact]
    public void Two_threads_that_begin_at_once_are_one_training_and_one_error()
    {
        for (int round = 0; round < 10; round++)
        {
            Sequential model = TrainingData.BinaryModel(), alone = TrainingData.BinaryModel();
            alone.Fit(TrainingData.Binary(), 1);
            using var start = new Barrier(2);
            using var refused = new CountdownEvent(1);
            var hold = new LambdaCallback { BatchEnd = (_, p) => { if (p.Step == 1) refused.Wait(TrainingData.Token); } }; // until the other one was told
            var errors = new Exception?[2];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                errors[i] = Record.Exception(() => model.Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [hold] }));
                if (errors[i] is GraftException)
                    refused.Signal();
            }))];
            Array.ForEach(threads, t => t.Start());
            Array.ForEach(threads, t => t.Join());
            Assert.Single(errors, e => e is GraftException);
            Assert.Single(errors, e => e is null);
            Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(model));
        }
    }

    [Fact]
    public void Predictions_of_other_threads_do_not_change_a_training_and_see_whole_steps()
    {
        Sequential model = Normalized(), alone = Normalized();
        float[] sample = [0.3f, -0.1f, 0.8f, 0.4f, -0.6f, 0.2f];
        List<float> states = [alone.Predict(sample, new Shape(1, TrainingData.Features))[0][0]];
        alone.Fit(TrainingData.Binary(), Epochs, TrainingData.Binary(), new FitOptions { Callbacks = [new LambdaCallback { BatchEnd = (c, _) => states.Add(c.Model.Predict(sample, new Shape(1, TrainingData.Features))[0][0]) }] });
        using var ended = new CancellationTokenSource();
        List<float>[] seen = [[], []];
        var errors = new Exception?[seen.Length];
        Thread[] threads = [.. seen.Select((list, i) => new Thread(() => errors[i] = Record.Exception(() =>
        {
            while (!ended.IsCancellationRequested)
                list.Add(model.Predict(sample, new Shape(1, TrainingData.Features))[0][0]);
        })))];
        Array.ForEach(threads, t => t.Start());
        model.Fit(TrainingData.Binary(), Epochs, TrainingData.Binary());
        ended.Cancel();
        Array.ForEach(threads, t => t.Join());
        Assert.All(errors, Assert.Null);
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(model));
        Assert.All(seen, list => Assert.All(list, value => Assert.Contains(value, states)));
    }

    [Fact]
    public void A_callback_evaluates_between_epochs_and_not_where_metrics_are_counted()
    {
        Sequential model = TrainingData.BinaryModel();
        List<double> measured = [];
        model.Fit(TrainingData.Binary(), Epochs, options: new FitOptions { Callbacks = [new LambdaCallback { EpochEnd = (c, _, _) => measured.Add(c.Model.Evaluate(TrainingData.Binary()).Loss) }] });
        Assert.Equal(Epochs, measured.Count);
        Assert.Equal(model.Evaluate(TrainingData.Binary()).Loss, measured[^1]);
        var within = new LambdaCallback { BatchEnd = (c, _) => measured.Add(c.Model.Evaluate(TrainingData.Binary()).Loss) };
        Assert.Contains("Evaluate: model 'sequential' is in use; it was called within a pass of Fit over its data, whose metrics it would begin anew. Call it in OnEpochEnd, or Predict.",
            Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [within] })).Message, StringComparison.Ordinal);
        model.Compile(new Adam(), Loss.BinaryCrossEntropy()); // without metrics there is nothing to begin anew
        model.Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [within] });
        Assert.Equal(Epochs + TrainingData.Binary().BatchesPerEpoch, measured.Count);
    }

    [Fact]
    public void A_callback_cannot_train_its_own_model()
    {
        Sequential model = TrainingData.BinaryModel(), other = TrainingData.BinaryModel();
        var nested = new LambdaCallback { EpochEnd = (c, _, _) => c.Model.Fit(TrainingData.Binary(), 1) };
        Assert.Contains("it was called by Fit on the same model", Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [nested] })).Message, StringComparison.Ordinal);
        model.Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [new LambdaCallback { EpochEnd = (_, _, _) => other.Fit(TrainingData.Binary(), 1) }] }); // another may
    }

    [Fact]
    public void Layers_that_remember_the_batch_before_are_not_read_beside_a_training()
    {
        var model = new Sequential(3, 2) { new LSTM(4) { Stateful = true }, new Dense(1) };
        model.Compile(new Sgd(), Loss.MeanSquaredError());
        var data = new ArrayBatches(new float[24], new Shape(3, 2), new float[4], new Shape(1), LabelKind.Values, batchSize: 2);
        Exception? beside = null, within = null;
        var predict = new LambdaCallback { BatchEnd = (_, _) => { beside = OnAnotherThread(() => model.Predict(new float[12], new Shape(2, 3, 2))); within = Record.Exception(() => model.Predict(new float[12], new Shape(2, 3, 2))); } };
        model.Fit(data, 1, options: new FitOptions { Callbacks = [predict] });
        Assert.Contains("Predict: model 'sequential' is in use; Fit of it runs on another thread", Assert.IsType<GraftException>(beside).Message, StringComparison.Ordinal);
        Assert.Null(within);
    }

    [Fact]
    public void Two_evaluations_at_once_are_refused_on_any_thread()
    {
        Sequential model = TrainingData.BinaryModel();
        EvaluationResult alone = model.Evaluate(TrainingData.Binary());
        List<Exception?> refused = [];
        var data = new WatchedBatches(TrainingData.Binary(), () =>
        {
            refused.Add(OnAnotherThread(() => model.Evaluate(TrainingData.Binary())));
            refused.Add(Record.Exception(() => model.Evaluate(TrainingData.Binary())));
        });
        Assert.Equal(alone.Metrics, model.Evaluate(data).Metrics);
        Assert.Equal(2 * data.BatchesPerEpoch, refused.Count);
        Assert.All(refused, e => Assert.Contains("is in use", Assert.IsType<GraftException>(e).Message, StringComparison.Ordinal));
    }

    private static Sequential Normalized()
    {
        var model = new Sequential(TrainingData.Features) { new Dense(8, Activation.Tanh), new BatchNormalization(), new Dense(1, Activation.Sigmoid) };
        model.Compile(new Adam(0.02f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        return model;
    }

    private static Exception? OnAnotherThread(Action act)
    {
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(act));
        thread.Start();
        thread.Join();
        return thrown;
    }
}

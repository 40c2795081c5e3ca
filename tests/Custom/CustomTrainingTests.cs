using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Outside;
using Xunit;
using Dense = Graft.Layers.Dense;

namespace Graft.Tests.Custom;

/// <summary>Losses, metrics, optimizers, schedules, callbacks, data and training loops of an assembly that sees no internals.</summary>
public sealed class CustomTrainingTests
{
    [Fact]
    public void A_loop_by_hand_makes_the_steps_of_Fit_to_the_last_bit()
    {
        Model Fresh() => Network(regularizer: Regularizer.L1L2(0.001f, 0.01f));
        Model fitted = Fresh(), looped = Fresh();
        fitted.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy());
        fitted.Fit(TrainingData.Binary(), epochs: 3);
        using var adam = new Adam(0.01f);
        Loop.Run(looped, TrainingData.Binary(), Loss.BinaryCrossEntropy(), adam, epochs: 3);
        Assert.Equal(Weights(fitted), Weights(looped));
        Assert.Equal(fitted.Predict(TrainingData.Binary()), looped.Predict(TrainingData.Binary()));
    }

    [Fact]
    public void A_step_moves_what_is_trainable_alone_and_says_where_nothing_can_move()
    {
        Model model = Network();
        Layer first = model.GetLayer("first");
        first.Trainable = false;
        float[] frozen = first.Parameters[0].Value.ToArray(), head = model.GetLayer("head").Parameters[0].Value.ToArray();
        using var sgd = new Sgd(0.1f);
        Loop.Run(model, TrainingData.Binary(), Loss.BinaryCrossEntropy(), sgd, epochs: 1);
        Assert.Equal(frozen, first.Parameters[0].Value.ToArray());
        Assert.NotEqual(head, model.GetLayer("head").Parameters[0].Value.ToArray());
        Assert.Equal(5, sgd.Iterations);
        using var tape = new Graft.Autograd.Tape(model.Device) { Training = true };
        Assert.Contains("no gradient reached", Assert.Throws<GraftException>(() => sgd.Apply(tape, model.Parameters)).Message, StringComparison.Ordinal);
        Assert.Equal(5, sgd.Iterations);
    }

    [Fact]
    public void The_gradient_of_an_input_is_the_slope_of_the_output()
    {
        Model model = Network(dropout: 0);
        float[] x = [0.3f, -0.2f, 0.5f, 0.1f, -0.6f, 0.4f];
        float[] slope = Loop.InputGradient(model, new Shape(1, 6), x);
        for (int i = 0; i < x.Length; i++)
        {
            float[] up = [.. x], down = [.. x];
            up[i] += 0.01f;
            down[i] -= 0.01f;
            Assert.Equal((model.Predict(up, new Shape(1, 6))[0][0] - model.Predict(down, new Shape(1, 6))[0][0]) / 0.02f, slope[i], 1e-3f);
        }
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("value")]
    [InlineData("norm")]
    [InlineData("global")]
    [InlineData("accumulated")]
    public void An_optimizer_of_own_code_makes_the_steps_that_it_says(string clipping)
    {
        float? value = clipping == "value" ? 0.02f : null, norm = clipping == "norm" ? 0.05f : null, global = clipping == "global" ? 0.05f : null;
        float[] Train(Optimizer optimizer)
        {
            Model model = Network();
            model.Compile(optimizer, Loss.BinaryCrossEntropy());
            model.Fit(TrainingData.Binary(), epochs: 3, options: new FitOptions { AccumulationSteps = clipping == "accumulated" ? 2 : 1 });
            return Weights(model);
        }
        float[] expected = Train(new Sgd(0.1f) { ClipValue = value, ClipNorm = norm, GlobalClipNorm = global }), own = Train(new HostSgd(0.1f) { ClipValue = value, ClipNorm = norm, GlobalClipNorm = global });
        for (int i = 0; i < own.Length; i++)
            Assert.Equal(expected[i], own[i], 1e-6f);
    }

    [Fact]
    public void Slots_of_an_optimizer_and_a_schedule_of_ones_own_go_on_from_a_checkpoint()
    {
        using var files = new TemporaryFiles();
        Model Fresh()
        {
            Model model = Network();
            model.Compile(new SignSgd(new Halving(0.02f, steps: 6)), Loss.BinaryCrossEntropy());
            return model;
        }
        BatchSource data = TrainingData.Binary();
        Model whole = Fresh(), parts = Fresh(), rest = Fresh();
        History all = whole.Fit(data, epochs: 4);
        parts.Fit(data, epochs: 2, options: new FitOptions { Callbacks = [new TrainingCheckpoint(files["state.graft"])] });
        (History history, int epoch, int batch) = TrainingCheckpoint.Restore(rest, files["state.graft"], data);
        rest.Fit(data, epochs: 4, options: new FitOptions { History = history, InitialEpoch = epoch, InitialBatch = batch });
        Assert.Equal(Weights(whole), Weights(rest));
        Assert.Equal([0.02, 0.01, 0.005, 0.0025], all["learning_rate"].Select(r => Math.Round(r, 6)));
        Assert.Contains("head/kernel/momentum", whole.Optimizer!.ExportState(whole).Select(s => s.Name));
        Assert.Throws<GraftException>(() => new TooMany());
    }

    [Fact]
    public void A_loss_of_own_code_trains_as_the_engines_of_that_formula()
    {
        (float[] Weights, History History) Train(Loss loss)
        {
            var model = new Sequential(1) { new Dense(4, Activation.Tanh), new Dense(1) };
            model.SetSeed(2);
            model.Compile(new Sgd(0.1f), loss, new MeanError());
            History history = model.Fit(new Lines(40, 8), epochs: 4, new Lines(10, 5));
            return (Weights(model), history);
        }
        (float[] expectedWeights, History expected) = Train(Loss.MeanSquaredError());
        (float[] weights, History history) = Train(Losses.Square);
        Assert.Equal(expectedWeights, weights);
        Assert.Equal(expected["loss"], history["loss"]);
        Assert.Equal(expected["val_mean_error"], history["val_mean_error"]);
        (_, History smooth) = Train(Losses.LogCosh);
        Assert.True(smooth.Last("val_mean_error") < smooth["val_mean_error"][0]);
        Assert.Contains("Loss too_few gave []", Assert.Throws<ShapeException>(() => Train(Losses.TooFew)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_takes_other_labels_is_told_before_the_first_step()
    {
        Model model = Network();
        model.Compile(new Sgd(0.1f), Loss.Of("mine", (_, prediction, _) => prediction, LabelKind.Sparse));
        Assert.Contains("the labels are Binary", Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), epochs: 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metric_sees_every_number_once_and_logits_as_probabilities_where_the_loss_says_so()
    {
        var model = new Sequential(1) { new Dense(1) { Name = "a" } };
        foreach (Parameter parameter in model.Parameters)
            parameter.Set([0]);
        model.Compile(new Sgd(0), Loss.Of("mine", (tape, p, y) => tape.Run(new Graft.Ops.BinaryOp(Graft.Kernels.BinaryFormula.Subtract), p, y), LabelKind.Binary, fromLogits: true), new MeanError());
        var data = new ArrayBatches([1, 2, 3], new Shape(1), [0, 1, 1], new Shape(1), LabelKind.Binary, batchSize: 2);
        EvaluationResult result = model.Evaluate(data);
        Assert.Equal(0.5, result.Metrics["mean_error"], 1e-6); // of 0.5, whatever the label
        Assert.Equal(-2.0 / 3, result.Loss, 1e-6);
    }

    [Fact]
    public void A_callback_may_hold_weights_to_a_constraint()
    {
        Model model = Network();
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        model.Fit(TrainingData.Binary(), epochs: 1, options: new FitOptions { Callbacks = [new NonNegative()] });
        float[] kernel = model.GetLayer("head").Parameters[0].Value.ToArray();
        Assert.DoesNotContain(kernel, w => w < 0);
        Assert.Contains(kernel, w => w > 0);
    }

    [Fact]
    public void A_keras_file_holds_no_training_of_own_code_and_says_so()
    {
        using var files = new TemporaryFiles();
        Model model = Network();
        model.Compile(new SignSgd(0.1f), Loss.BinaryCrossEntropy());
        Assert.Contains(KerasExport.SaveArchive(model, files["a.keras"]), n => n.Contains("the optimizer is of the class SignSgd", StringComparison.Ordinal));
        model.Compile(new Sgd(0.1f), Losses.Square);
        Assert.Contains(KerasExport.SaveArchive(model, files["b.keras"]), n => n.Contains("the loss 'square' is code", StringComparison.Ordinal));
        ModelFile.Save(model, files["c.graft"]); // it holds no loss
        Assert.Equal(Weights(model), Weights(ModelFile.Load(files["c.graft"]).Model));
    }

    private static Sequential Network(float dropout = 0.2f, Regularizer? regularizer = null)
    {
        var model = new Sequential(TrainingData.Features)
        {
            new Dense(8, Activation.Tanh) { Name = "first", KernelRegularizer = regularizer }, new Dropout(dropout), new BatchNormalization(),
            new Dense(1, Activation.Sigmoid) { Name = "head" },
        };
        model.SetSeed(4);
        return model;
    }

    private static float[] Weights(Model model) => [.. model.Parameters.SelectMany(p => p.Value.ToArray())];

    private sealed class TooMany() : HostOptimizer(0.1f, "a", "b", "c", "d")
    {
        public override string Name => "too_many";

        protected override void Move(HostStep step) => step.Weights.Clear();
    }
}

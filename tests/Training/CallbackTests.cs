using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Training;

public sealed class CallbackTests
{
    // Plays epochs with given rows through callbacks, as the trainer does; `weight` is what the model's first parameter has then.
    private static TrainingContext Play(Callback callback, Optimizer optimizer, string column, double[] values, Model? model = null)
    {
        var context = new TrainingContext(model ?? TrainingData.BinaryModel(), optimizer, new History(), values.Length);
        callback.OnTrainBegin(context);
        for (int epoch = 0; epoch < values.Length && context.StopReason is null; epoch++)
        {
            callback.OnEpochBegin(context, epoch);
            model?.Parameters[0].Set([.. Enumerable.Repeat((float)epoch, (int)model.Parameters[0].Shape.Count)]);
            var row = new Dictionary<string, double> { [column] = values[epoch] };
            context.History.Add(epoch, row);
            callback.OnEpochEnd(context, epoch, row);
        }
        callback.OnTrainEnd(context);
        return context;
    }

    [Fact]
    public void Early_stopping_ends_after_its_patience_on_the_weights_of_the_best_epoch()
    {
        var stopping = new EarlyStopping(patience: 2);
        Graft.Sequential model = TrainingData.BinaryModel();
        TrainingContext context = Play(stopping, new Sgd(), "val_loss", [0.5, 0.4, 0.45, 0.41, 0.3], model);
        Assert.Equal(1, stopping.BestEpoch);
        Assert.Equal(3, stopping.StoppedEpoch);
        Assert.Contains("val_loss", context.StopReason!, StringComparison.Ordinal);
        Assert.All(model.Parameters[0].Value.ToArray(), w => Assert.Equal(1, w));
    }

    [Fact]
    public void Early_stopping_restores_the_best_weights_also_when_the_epochs_run_out()
    {
        Graft.Sequential model = TrainingData.BinaryModel();
        TrainingContext context = Play(new EarlyStopping("val_accuracy", patience: 9), new Sgd(), "val_accuracy", [0.5, 0.9, 0.8], model);
        Assert.Null(context.StopReason);
        Assert.All(model.Parameters[0].Value.ToArray(), w => Assert.Equal(1, w));
    }

    [Fact]
    public void Early_stopping_within_Fit_leaves_the_model_with_the_best_validation_loss()
    {
        Graft.Sequential model = TrainingData.BinaryModel();
        float[] samples = [.. TrainingData.Binary(shuffleSeed: null).Epoch(0, 0, TrainingData.Token).SelectMany(b => b.Inputs)];
        float[] swapped = [.. Enumerable.Range(0, 40).Select(i => (i + 1f) % 2)]; // the better training does, the worse this gets
        var validation = new ArrayBatches(samples, new Shape(TrainingData.Features), swapped, new Shape(1), LabelKind.Binary);
        History history = model.Fit(TrainingData.Binary(), 12, validation, new FitOptions { Callbacks = [new EarlyStopping(patience: 3)] });
        Assert.Equal(4, history.Epochs.Count);
        Assert.Equal(history["val_loss"].Min(), model.Evaluate(validation, cancellationToken: TrainingData.Token).Loss, 1e-9); // the same weights give the same number
        Assert.True(history["val_loss"].Min() < history.Last("val_loss") - 0.01, history.ToCsv());
    }

    [Fact]
    public void A_watched_column_that_is_absent_is_told_with_those_there_are()
    {
        GraftException e = Assert.Throws<GraftException>(() => TrainingData.BinaryModel().Fit(TrainingData.Binary(), 1, options: new FitOptions { Callbacks = [new EarlyStopping()] }));
        Assert.Contains("'val_loss'", e.Message, StringComparison.Ordinal);
        Assert.Contains("Give Fit validation data", e.Message, StringComparison.Ordinal);

        e = Assert.Throws<GraftException>(() => TrainingData.BinaryModel().Fit(TrainingData.Binary(), 1, TrainingData.Binary(), new FitOptions { Callbacks = [new EarlyStopping("val_acc")] }));
        Assert.Contains("The nearest name is 'val_accuracy'", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Give Fit", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(0)]
    [InlineData(float.NaN)]
    public void A_factor_that_does_not_lower_the_rate_is_refused(float factor) =>
        Assert.Contains("above 0 and below 1", Assert.Throws<GraftException>(() => new ReduceLROnPlateau(factor: factor)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_rate_is_lowered_on_a_plateau_and_not_during_the_cooldown()
    {
        var sgd = new Sgd(1);
        Play(new ReduceLROnPlateau("loss", factor: 0.5f, patience: 2, cooldown: 2), sgd, "loss", [1, 1, 1]);
        Assert.Equal(0.5f, sgd.LearningRate);
        sgd = new Sgd(1);
        // lowered after epoch 2, cooling in 3 (which counts none), counting again in 4 and 5
        Play(new ReduceLROnPlateau("loss", factor: 0.5f, patience: 2, cooldown: 2, minRate: 0.3f), sgd, "loss", [1, 1, 1, 1, 1]);
        Assert.Equal(0.5f, sgd.LearningRate);
        sgd = new Sgd(1);
        Play(new ReduceLROnPlateau("loss", factor: 0.5f, patience: 2, cooldown: 0, minRate: 0.3f), sgd, "loss", [1, 1, 1, 1, 1, 1]);
        Assert.Equal(0.3f, sgd.LearningRate);
        sgd = new Sgd(1);
        Play(new ReduceLROnPlateau("loss", patience: 2), sgd, "loss", [1, 1, 0.9, 0.9, 0.8, 0.8]);
        Assert.Equal(1f, sgd.LearningRate);
    }

    [Fact]
    public void Training_ends_at_the_first_loss_that_is_no_number()
    {
        float[] samples = [.. Enumerable.Range(0, 4 * TrainingData.Features).Select(i => i < 2 * TrainingData.Features ? 0.1f : float.NaN)];
        var data = new ArrayBatches(samples, new Shape(TrainingData.Features), [0, 1, 0, 1], new Shape(1), LabelKind.Binary, batchSize: 1);
        int steps = 0;
        History history = TrainingData.BinaryModel().Fit(data, 3, options: new FitOptions
        {
            Callbacks = [new TerminateOnNaN(), new LambdaCallback { BatchEnd = (_, _) => steps++ }],
        });
        Assert.Equal(3, steps);
        Assert.Contains("step 3 of epoch 1", history.StopReason!, StringComparison.Ordinal);
        Assert.Single(history.Epochs);
    }

    [Fact]
    public void Checkpoints_are_named_by_epoch_and_columns_and_can_be_kept_for_the_best_alone()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName;
        List<string> saved = [];
        Play(new ModelCheckpoint(Path.Combine(folder, "m", "{epoch:000}-{val_loss:0.00}.graft"), (_, path) => saved.Add(Path.GetFileName(path)), bestOnly: true),
            new Sgd(), "val_loss", [0.5, 0.75, 0.25]);
        Assert.Equal(["001-0.50.graft", "003-0.25.graft"], saved);
        Assert.True(Directory.Exists(Path.Combine(folder, "m")));
        Assert.Throws<GraftException>(() => Play(new ModelCheckpoint("{nope}", (_, _) => { }), new Sgd(), "val_loss", [1]));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Checkpoints_without_a_function_are_model_files_that_go_on()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName, file = Path.Combine(folder, "best.graft");
        Model model = TrainingData.BinaryModel();
        History history = model.Fit(TrainingData.Binary(), 3, TrainingData.Binary(), new FitOptions { Callbacks = [new ModelCheckpoint(file, bestOnly: true)] });
        SavedModel saved = ModelFile.Load(file);
        Assert.Equal(history["val_loss"].Min(), saved.History!.Last("val_loss"));
        Assert.NotEmpty(saved.OptimizerState);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void The_csv_file_is_whole_after_each_epoch()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName, file = Path.Combine(folder, "log.csv");
        TrainingContext context = Play(new CsvLogger(file), new Sgd(), "loss", [1, 0.5]);
        Assert.Equal(context.History.ToCsv(), File.ReadAllText(file));
        Directory.Delete(folder, recursive: true);
    }
}

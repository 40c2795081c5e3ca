using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Whole training runs against Keras 3: predictions, the loss of every step, and weights after the first and the last.</summary>
[Collection(CpuThreadsCollection.Name)] // many small steps: the worker pool is to be had alone
public sealed class KerasRunTests
{
    /// <summary>No training came before: Keras's tolerance for a step or a prediction that starts from equal weights.</summary>
    private const double Untrained = 2e-5;

    private static readonly string[] s_runs =
    [
        "binary_small/adadelta", "binary_small/adagrad", "binary_small/adam", "binary_small/adam_amsgrad", "binary_small/adam_class_weight",
        "binary_small/adam_partial_batch", "binary_small/adam_validation", "binary_small/adamax", "binary_small/adamw", "binary_small/nadam",
        "binary_small/rmsprop_1e-3", "binary_small/rmsprop_2e-5", "binary_small/rmsprop_momentum_centered", "binary_small/sgd",
        "binary_small/sgd_clipnorm", "binary_small/sgd_clipvalue", "binary_small/sgd_momentum", "binary_small/sgd_mse", "binary_small/sgd_nesterov",
        "graph_a/adam_cce", "graph_a/rmsprop_cce", "graph_a/sgd_momentum_scce", "graph_b/adam_cce", "graph_b/sgd_scce", "maxpool_ties/sgd",
        "regress/adam_mae", "regress/rmsprop_mse", "regress/sgd_mse", "transfer_resnet/finetune_last_block", "transfer_resnet/frozen_adam",
        "transfer_resnet/unfrozen_adam", "transfer_vgg/finetune_last_block", "transfer_vgg/frozen_rmsprop_1e-3",
    ];

    public static TheoryData<string> Runs => [.. s_runs];

    [Fact]
    public void Every_stored_run_of_Keras_3_is_repeated_here()
    {
        string root = GraftShared.Path("reference", "keras", "training", "keras3_torch");
        string[] stored = [.. Directory.GetFiles(root, "history.json", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(root, Path.GetDirectoryName(f)!).Replace('\\', '/'))];
        Assert.Equal(stored.Order(StringComparer.Ordinal), s_runs.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Every_step_of_a_run_equals_that_of_Keras(string name)
    {
        var run = new KerasRun(name);
        Model model = run.Build();
        Near("predictions before", Npy.Read(run.FileOf("predictions_initial.npy")).Values, Predict(run, model), Untrained);
        int firstOfSecondStage = run.HasSecondStage ? run.Steps.Count / 2 : -1;
        for (int step = 0; step < run.Steps.Count; step++)
        {
            if (step == firstOfSecondStage)
            {
                CompareWeights(run, model, "after_stage1.h5", run.Tolerance("final_weights"));
                run.BeginSecondStage(model);
            }
            History row = model.Fit(run.Batch(step), 1, options: new FitOptions { ClassWeights = run.ClassWeights });
            Near($"loss of step {step}", (double)run.Steps[step]!["loss"]!, row.Last("loss"), step == 0 ? Untrained : run.Tolerance("loss"));
            if (run.Steps[step]!["accuracy"] is { } accuracy)
                Near($"accuracy of step {step}", (double)accuracy, row.Last("accuracy"), 1e-6);
            if (step == 0)
                CompareWeights(run, model, "step1.h5", run.Tolerance("step1_weights"));
        }
        CompareWeights(run, model, "final.h5", run.Tolerance("final_weights"));
        Near("predictions after", Npy.Read(run.FileOf("predictions_final.npy")).Values, Predict(run, model), run.Tolerance("predictions"));
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void One_fit_over_all_epochs_gives_the_history_of_Keras(string name)
    {
        var run = new KerasRun(name);
        Model model = run.Build();
        CompareHistory(run, model, "fit_history");
        if (run.HasSecondStage)
        {
            run.BeginSecondStage(model);
            CompareHistory(run, model, "stage2_fit_history");
        }
        CompareWeights(run, model, "final.h5", run.Tolerance("final_weights"));
        model.Optimizer!.Dispose();
        model.Release();
    }

    private static void CompareHistory(KerasRun run, Model model, string name)
    {
        JsonObject expected = run.History[name]!.AsObject();
        History history = model.Fit(run.Data(), (int)run.History["epochs"]!, run.Validation(), new FitOptions { ClassWeights = run.ClassWeights });
        foreach ((string column, JsonNode? values) in expected)
        {
            double tolerance = column.EndsWith("accuracy", StringComparison.Ordinal) ? 1e-6 : run.Tolerance("loss");
            for (int epoch = 0; epoch < values!.AsArray().Count; epoch++)
                Near($"{column} of epoch {epoch}", (double)values[epoch]!, history[column][epoch], tolerance);
        }
    }

    private static float[] Predict(KerasRun run, Model model) =>
        [.. model.Predict(run.Samples, KerasRun.Sample.Prepend(run.Samples.Length / (int)KerasRun.Sample.Count)).SelectMany(row => row)];

    private static void CompareWeights(KerasRun run, Model model, string file, double tolerance)
    {
        HashSet<string> leftOut = run.LeftOut;
        foreach ((string name, Parameter parameter, float[] values) in KerasWeights.Read(model, run.FileOf(file)))
        {
            if (!leftOut.Contains(name))
                Near($"{name} in {file}", values, parameter.Value.ToArray(), tolerance);
        }
    }

    private static void Near(string what, float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
        Assert.True(difference <= tolerance, $"{what} differ by {difference:g3}, more than {tolerance:g3}.");
    }

    private static void Near(string what, double expected, double actual, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what} is {actual}, not {expected}: more than {tolerance:g3} apart.");
}

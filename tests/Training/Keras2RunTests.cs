using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Training runs of Keras 2.3.1 where its rules can be had here: reference/keras/README.md lists how the generations differ.</summary>
/// <remarks>
/// Moving variances are not compared, nor the predictions that follow from them: the Theano backend adds epsilon to the batch's variance before
/// it is averaged. Training itself uses the batch's own, so that losses and all other weights are those of Keras.
/// </remarks>
[Collection(CpuThreadsCollection.Name)] // many small steps: the worker pool is to be had alone
public sealed class Keras2RunTests
{
    private const string Generation = "keras2_theano";
    private const double Untrained = 2e-5; // Keras's tolerance for a step or a prediction that starts from equal weights

    private static readonly string[] s_runs =
    [
        "binary_small/adagrad", "binary_small/adam", "binary_small/adam_amsgrad", "binary_small/rmsprop_1e-3", "binary_small/rmsprop_2e-5", "binary_small/sgd",
        "binary_small/sgd_clipnorm", "binary_small/sgd_momentum", "graph_a/adam_cce", "graph_a/rmsprop_cce", "graph_a/sgd_momentum_scce",
        "regress/adam_mae", "regress/rmsprop_mse", "regress/sgd_mse",
    ];

    private static readonly Dictionary<string, string> s_leftOut = new()
    {
        ["binary_small/nadam"] = "another momentum schedule: 0.96^(0.004 t)",
        ["transfer_resnet/finetune_last_block"] = "a frozen base runs on batch statistics there",
        ["transfer_resnet/frozen_adam"] = "a frozen base runs on batch statistics there",
        ["transfer_resnet/unfrozen_adam"] = "its model is stored as frozen, and freezing is another thing there",
        ["transfer_vgg/finetune_last_block"] = "a frozen base runs on batch statistics there",
        ["transfer_vgg/frozen_rmsprop_1e-3"] = "a frozen base runs on batch statistics there",
    };

    public static TheoryData<string> Runs => [.. s_runs];

    [Fact]
    public void Every_stored_run_of_Keras_2_is_repeated_or_left_out_by_name()
    {
        string root = GraftShared.Path("reference", "keras", "training", Generation);
        string[] stored = [.. Directory.GetFiles(root, "history.json", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(root, Path.GetDirectoryName(f)!).Replace('\\', '/'))];
        Assert.Equal(stored.Order(StringComparer.Ordinal), s_runs.Concat(s_leftOut.Keys).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Every_step_of_a_run_equals_that_of_Keras_2(string name)
    {
        var run = new KerasRun(name, Generation);
        Model model = run.Build();
        float[] before = [.. model.Predict(run.Samples, KerasRun.Sample.Prepend(run.Samples.Length / (int)KerasRun.Sample.Count)).SelectMany(row => row)];
        Assert.All(Npy.Read(run.FileOf("predictions_initial.npy")).Values.Zip(before), p => Assert.Equal(p.First, p.Second, (float)Untrained));
        for (int step = 0; step < run.Steps.Count; step++)
        {
            double loss = model.Fit(run.Batch(step), 1).Last("loss"), due = (double)run.Steps[step]!["loss"]!, allowed = step == 0 ? Untrained : run.Tolerance("loss");
            Assert.True(Math.Abs(due - loss) <= allowed, $"the loss of step {step} is {loss}, not {due}: more than {allowed:g3} apart");
        }
        foreach ((string weight, Parameter parameter, float[] values) in KerasWeights.Read(model, run.FileOf("final.h5")))
        {
            if (run.LeftOut.Contains(weight) || weight.EndsWith("moving_variance", StringComparison.Ordinal))
                continue;
            double worst = values.Zip(parameter.Value.ToArray(), (e, a) => Math.Abs((double)e - a)).Max();
            Assert.True(worst <= run.Tolerance("final_weights"), $"{weight} differs by {worst:g3}");
        }
        model.Optimizer!.Dispose();
        model.Release();
    }
}

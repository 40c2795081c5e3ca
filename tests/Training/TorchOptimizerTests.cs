using System.Text.Json;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Optimizers and schedules against 20 steps of PyTorch and transformers in float64: reference/hf/README.md, optimizers.</summary>
/// <remarks>The optimizers here follow Keras; the runs below are those that both agree on, the others stand in <see cref="s_leftOut"/> with what differs.</remarks>
[Collection(CpuThreadsCollection.Name)] // many small steps: the worker pool is to be had alone
public sealed class TorchOptimizerTests
{
    private const int Steps = 20;
    private const double LossTolerance = 1e-5, WeightTolerance = 2e-5; // as the reference gives them

    // Learning rates and their settings are float32 here: half a unit in the last place of 0.1 is 4e-9, and shares such as 0.3 are rounded too.
    private const double RateTolerance = 2e-8;

    private const string MomentumAndRate = "momentum holds gradients times the rate of their step, as in Keras; PyTorch multiplies the sum by the rate of this step";

    private static readonly Dictionary<string, Func<Optimizer>> s_runs = new()
    {
        ["sgd"] = () => new Sgd(0.1f),
        ["sgd_weight_decay"] = () => new Sgd(0.1f),
        ["sgd_momentum"] = () => new Sgd(0.05f, 0.9f),
        ["sgd_nesterov"] = () => new Sgd(0.05f, 0.9f, nesterov: true),
        ["sgd_nesterov_weight_decay"] = () => new Sgd(0.05f, 0.9f, nesterov: true),
        ["sgd_momentum_weight_decay"] = () => new Sgd(0.05f, 0.9f),
        ["adam"] = () => new Adam(0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["adam_l2_weight_decay"] = () => new Adam(0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["adam_amsgrad"] = () => new Adam(0.05f, epsilon: 1e-8f, amsgrad: true) { CorrectsEpsilon = true },
        ["adamw_default"] = () => new AdamW(0.01f, weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["adamw_weight_decay_0.5"] = () => new AdamW(0.01f, weightDecay: 0.5f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["adamw_amsgrad"] = () => new AdamW(0.05f, weightDecay: 0.1f, epsilon: 1e-8f, amsgrad: true) { CorrectsEpsilon = true },
        ["rmsprop"] = () => new RMSprop(0.01f, rho: 0.99f, epsilon: 1e-8f) { EpsilonOutsideRoot = true },
        ["rmsprop_centered"] = () => new RMSprop(0.01f, rho: 0.99f, epsilon: 1e-8f, centered: true) { EpsilonOutsideRoot = true },
        ["rmsprop_momentum"] = () => new RMSprop(0.003f, rho: 0.99f, momentum: 0.9f, epsilon: 1e-8f) { EpsilonOutsideRoot = true },
        ["rmsprop_centered_momentum_wd"] = () => new RMSprop(0.003f, rho: 0.9f, momentum: 0.9f, epsilon: 1e-8f, centered: true) { EpsilonOutsideRoot = true },
        ["adagrad"] = () => new Adagrad(0.1f, initialAccumulator: 0, epsilon: 1e-10f) { EpsilonOutsideRoot = true },
        ["adagrad_lr_decay_init_acc_wd"] = () => new Adagrad(Rates(step => 0.1 / (1 + 0.05 * step)), initialAccumulator: 0.1f, epsilon: 1e-10f) { EpsilonOutsideRoot = true },
        ["adadelta"] = () => new Adadelta(1, rho: 0.9f, epsilon: 1e-6f),
        ["adamax"] = () => new Adamax(0.01f, epsilon: 1e-8f),
        ["sched.hf_linear_with_warmup"] = () => new AdamW(s_schedules!["sched.hf_linear_with_warmup"], weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["sched.hf_cosine_with_warmup"] = () => new AdamW(s_schedules!["sched.hf_cosine_with_warmup"], weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["sched.hf_constant_with_warmup"] = () => new AdamW(s_schedules!["sched.hf_constant_with_warmup"], weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["sched.hf_linear_no_warmup"] = () => new AdamW(s_schedules!["sched.hf_linear_no_warmup"], weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true },
        ["clip.norm_0.3"] = () => new Sgd(0.1f, 0.9f) { GlobalClipNorm = 0.3f },
        ["clip.norm_100_inactive"] = () => new Sgd(0.1f, 0.9f) { GlobalClipNorm = 100 },
        ["clip.value_0.05"] = () => new Sgd(0.1f, 0.9f) { ClipValue = 0.05f },
    };

    // Of these runs with SGD and momentum the learning rates alone are compared: see MomentumAndRate.
    private static readonly Dictionary<string, LearningRateSchedule> s_schedules = new()
    {
        ["sched.StepLR"] = new StepDecay(0.1f, every: 5, factor: 0.5f),
        ["sched.MultiStepLR"] = new PiecewiseConstant([2, 8, 14], [0.1f, 0.03f, 0.009f, 0.0027f]),
        ["sched.ExponentialLR"] = new ExponentialDecay(0.1f, 1, 0.9f),
        ["sched.CosineAnnealingLR"] = new CosineDecay(0.1f, 20),
        ["sched.LinearLR"] = new WarmUp(0.1f, 6, initialRate: 0.025f),
        ["sched.ConstantLR"] = new PiecewiseConstant([3], [0.05f, 0.1f]),
        ["sched.PolynomialLR"] = new PolynomialDecay(0.1f, 12, power: 2),
        ["sched.OneCycleLR"] = new OneCycle(0.2f, 20),
        ["sched.hf_linear_with_warmup"] = new WarmUp(new PolynomialDecay(0.02f, 15), 5),
        ["sched.hf_cosine_with_warmup"] = new CosineDecay(0, 15, warmupTarget: 0.02f, warmupSteps: 5),
        ["sched.hf_constant_with_warmup"] = new WarmUp(0.02f, 5),
        ["sched.hf_linear_no_warmup"] = new PolynomialDecay(0.02f, 10),
    };

    private static readonly Dictionary<string, string> s_leftOut = new()
    {
        ["sgd_momentum_dampening"] = "there is no dampening in Keras",
        ["adam_betas_eps"] = "an epsilon of 0.001 counts, and Keras adds it before the bias is corrected, PyTorch after",
        ["nadam"] = "the momentum schedule has 0.96^(0.004 t) in PyTorch and 0.96^t in Keras 3",
        ["radam"] = "there is no RAdam",
        ["hf_adamw"] = "decays the weights after the step, PyTorch and Keras before it",
        ["hf_adamw_no_bias_correction"] = "there is no Adam without bias correction",
        ["adamw_groups_no_decay_on_bias"] = "there are no parameter groups",
        ["clip.norm_inf_0.1"] = "clips by another norm than the Euclidean",
        ["clip.norm_l1_1"] = "clips by another norm than the Euclidean",
        ["sched.CosineAnnealingLR_short"] = "rises again where Keras's CosineDecay stays at its end",
        ["sched.CosineAnnealingWarmRestarts"] = "there is no schedule with restarts",
        ["sched.ReduceLROnPlateau"] = "counts steps and relative thresholds, the callback epochs and absolute ones, as in Keras",
    };

    public static TheoryData<string> Runs => [.. s_runs.Keys];

    public static TheoryData<string> Schedules => [.. s_schedules.Keys];

    [Fact]
    public void Every_stored_run_is_repeated_or_left_out_by_name()
    {
        string[] stored = [.. Trajectories.EnumerateObject().Select(r => r.Name)];
        Assert.Equal(stored.Order(StringComparer.Ordinal), s_runs.Keys.Union(s_schedules.Keys).Union(s_leftOut.Keys).Order(StringComparer.Ordinal));
        Assert.Empty(s_leftOut.Keys.Intersect(s_runs.Keys.Union(s_schedules.Keys)));
        Assert.All(s_leftOut.Values.Append(MomentumAndRate), reason => Assert.NotEmpty(reason));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Losses_and_weights_of_twenty_steps_equal_PyTorch_s(string name)
    {
        JsonElement run = Trajectories.GetProperty(name);
        double[] losses = [.. run.EnumerateObject().Single(p => p.Name.StartsWith("losses", StringComparison.Ordinal)).Value.EnumerateArray().Select(v => v.GetDouble())];
        SafetensorsFile problem = Problem("problem.safetensors"), final = Problem("final_weights.safetensors");
        float[] x = Floats(problem, "x"), y = Floats(problem, "y");
        Model model = Network(problem, WeightDecay(run, name));
        model.Compile(s_runs[name](), Loss.MeanSquaredError());
        var data = new ArrayBatches(x, new Shape(8), y, new Shape(4), LabelKind.Values, batchSize: 32);
        for (int step = 0; step <= Steps; step++)
        {
            float[] outputs = [.. model.Predict(x, new Shape(32, 8)).SelectMany(row => row)];
            double loss = outputs.Zip(y, (o, t) => (double)(o - t) * (o - t)).Average(); // without the penalty, which PyTorch's weight decay keeps out of the loss
            Assert.True(Math.Abs(losses[step] - loss) <= LossTolerance, $"{name}: the loss before step {step} is {loss}, not {losses[step]}");
            if (step < Steps)
                model.Fit(data, 1);
        }
        foreach (Parameter p in model.Parameters)
        {
            WeightName at = WeightName.Torch(p.LayerName, p);
            float[] expected = at.Convert(Floats(final, $"{name}.{at.Name}"), p.Shape);
            double worst = expected.Zip(p.Value.ToArray(), (e, a) => Math.Abs((double)e - a)).Max();
            Assert.True(worst <= WeightTolerance, $"{name}: {at.Name} differs by {worst:g3}");
        }
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Learning_rates_of_a_schedule_equal_PyTorch_s(string name)
    {
        double[] rates = [.. Trajectories.GetProperty(name).GetProperty("lr_used_at_step").EnumerateArray().Select(r => r.GetDouble())];
        Assert.Equal(Steps, rates.Length);
        for (int step = 0; step < Steps; step++)
            Assert.Equal(rates[step], s_schedules[name].At(step), RateTolerance);
    }

    private static JsonElement Trajectories => JsonDocument.Parse(File.ReadAllText(GraftShared.Path("reference", "hf", "optimizers", "trajectories.json"))).RootElement.GetProperty("runs");

    private static SafetensorsFile Problem(string file) => new(GraftShared.Path("reference", "hf", "optimizers", file));

    private static float[] Floats(SafetensorsFile file, string name) => Array.ConvertAll(file.Read(name).Values, v => (float)v);

    // PyTorch's weight decay adds decay · w to the gradient of weights and biases alike, which is the gradient of decay / 2 · w²; AdamW's is the optimizer's own.
    private static float WeightDecay(JsonElement run, string name) =>
        !name.StartsWith("adamw", StringComparison.Ordinal) && run.TryGetProperty("args", out JsonElement args) && args.TryGetProperty("weight_decay", out JsonElement decay) ? decay.GetSingle() : 0;

    private static Sequential Network(SafetensorsFile problem, float weightDecay)
    {
        Regularizer? penalty = weightDecay > 0 ? Regularizer.L2(weightDecay / 2) : null;
        var model = new Sequential(8)
        {
            new Dense(16, Activation.Tanh) { Name = "fc1", KernelRegularizer = penalty, BiasRegularizer = penalty },
            new Dense(4) { Name = "fc2", KernelRegularizer = penalty, BiasRegularizer = penalty },
        };
        foreach (Parameter p in model.Parameters)
        {
            WeightName at = WeightName.Torch(p.LayerName, p);
            p.Set(at.Convert(Floats(problem, $"init.{at.Name}"), p.Shape));
        }
        return model;
    }

    private static PiecewiseConstant Rates(Func<int, double> rate) =>
        new(Enumerable.Range(0, Steps - 1).Select(s => (long)s), Enumerable.Range(0, Steps).Select(s => (float)rate(s)));
}

using Graft.Tests.Kernels.Cpu;
using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class OptimizerTests
{
    private const int Steps = 12;
    private const double Eps = 1e-7;

    // Float32 rounding of a dozen steps on numbers near 1; a wrong rule is off by 1e-4 and more.
    private const double Tolerance = 2e-6;

    private static readonly float[] Start = [0.5f, -0.25f, 1, -1, 0.125f, 0.75f];

    private static (Model Model, Parameter Kernel) OneKernel()
    {
        var model = new Sequential(2) { new Dense(3) { Name = "d", UseBias = false } };
        Parameter kernel = model.Parameters[0];
        kernel.Set(Start);
        return (model, kernel);
    }

    [Fact]
    public void What_stays_of_steps_before_is_a_share()
    {
        string Refusal(Func<Optimizer> make) => Assert.Throws<GraftException>(make).Message;
        Assert.Contains("momentum = 2; take a share from 0 to 1", Refusal(() => new Sgd(0.1f, momentum: 2)), StringComparison.Ordinal);
        Assert.Contains("rho = -0.1", Refusal(() => new RMSprop(rho: -0.1f)), StringComparison.Ordinal);
        Assert.Contains("beta1 = 1.5", Refusal(() => new Adam(beta1: 1.5f)), StringComparison.Ordinal);
        Assert.Contains("beta2 = NaN", Refusal(() => new AdamW(beta2: float.NaN)), StringComparison.Ordinal);
    }

    private static float[] Gradient(int step) => [.. Enumerable.Range(0, 6).Select(i => (float)(Math.Sin(step * 1.7 + i * 2.3) * (i == 4 ? 5 : 1) / step))];

    private static void Step(Optimizer optimizer, Parameter parameter, float[] gradient)
    {
        Tensor g = Tensor.From(parameter.Device, parameter.Shape, gradient);
        optimizer.Apply([(parameter, g)]);
        g.Release();
    }

    // Runs the optimizer and, in double, a rule over one number at a time: w, g, slots, step from 1 -> w.
    private static void Follows(Optimizer optimizer, Func<double, double, double[], int, double> rule, double slotStart = 0)
    {
        (_, Parameter kernel) = OneKernel();
        double[] w = [.. Start];
        double[][] slots = [.. w.Select(_ => new[] { slotStart, slotStart, slotStart })];
        for (int t = 1; t <= Steps; t++)
        {
            float[] g = Gradient(t);
            Step(optimizer, kernel, g);
            for (int i = 0; i < w.Length; i++)
                w[i] = rule(w[i], g[i], slots[i], t);
            float[] actual = kernel.Value.ToArray();
            for (int i = 0; i < w.Length; i++)
                Assert.Equal(w[i], actual[i], Tolerance);
        }
        Assert.Equal(Steps, optimizer.Iterations);
        optimizer.Dispose();
        kernel.Release();
    }

    [Fact]
    public void Sgd_moves_against_the_gradient() => Follows(new Sgd(), (w, g, _, _) => w - 0.01 * g);

    [Fact]
    public void Sgd_with_momentum_goes_on_in_the_last_direction() => Follows(new Sgd(0.05f, momentum: 0.9f), (w, g, s, _) =>
    {
        s[0] = 0.9f * s[0] - 0.05f * g;
        return w + s[0];
    });

    [Fact]
    public void Sgd_with_nesterov_momentum_looks_ahead() => Follows(new Sgd(0.05f, momentum: 0.9f, nesterov: true), (w, g, s, _) =>
    {
        s[0] = 0.9f * s[0] - 0.05f * g;
        return w + 0.9f * s[0] - 0.05f * g;
    });

    [Fact]
    public void RMSprop_has_epsilon_inside_the_root() => Follows(new RMSprop(0.01f, epsilon: 0.1f), (w, g, s, _) =>
    {
        s[0] = 0.9f * s[0] + (1 - 0.9f) * g * g;
        return w - 0.01f * g / Math.Sqrt(s[0] + 0.1f);
    });

    [Fact]
    public void RMSprop_and_Adagrad_can_have_epsilon_outside_the_root_as_Keras_2_and_PyTorch()
    {
        Follows(new RMSprop(0.01f, epsilon: 0.1f) { EpsilonOutsideRoot = true }, (w, g, s, _) =>
        {
            s[0] = 0.9f * s[0] + (1 - 0.9f) * g * g;
            return w - 0.01f * g / (Math.Sqrt(s[0]) + 0.1f);
        });
        Follows(new Adagrad(0.05f, initialAccumulator: 0, epsilon: 0.01f) { EpsilonOutsideRoot = true }, (w, g, s, _) =>
        {
            s[0] += g * g;
            return w - 0.05f * g / (Math.Sqrt(s[0]) + 0.01f);
        });
    }

    [Fact]
    public void RMSprop_centered_with_momentum_takes_the_mean_off() => Follows(new RMSprop(0.01f, momentum: 0.9f, centered: true), (w, g, s, _) =>
    {
        s[0] = 0.9f * s[0] + (1 - 0.9f) * g * g;
        s[1] = 0.9f * s[1] + (1 - 0.9f) * g;
        s[2] = 0.9f * s[2] + 0.01f * g / Math.Sqrt(s[0] - s[1] * s[1] + Eps);
        return w - s[2];
    });

    private static double AdamMove(double g, double[] s, int t, bool amsgrad, double eps)
    {
        const double Beta1 = 0.9f, Beta2 = 0.999f;
        s[0] += (g - s[0]) * (1 - Beta1);
        s[1] += (g * g - s[1]) * (1 - Beta2);
        s[2] = Math.Max(s[2], s[1]);
        double rate = 0.01f * Math.Sqrt(1 - Math.Pow(Beta2, t)) / (1 - Math.Pow(Beta1, t));
        return rate * s[0] / (Math.Sqrt(amsgrad ? s[2] : s[1]) + eps);
    }

    [Fact]
    public void Adam_corrects_its_means_and_has_epsilon_outside_the_root() =>
        Follows(new Adam(0.01f, epsilon: 0.01f), (w, g, s, t) => w - AdamMove(g, s, t, false, 0.01f));

    [Fact]
    public void Adam_amsgrad_divides_by_the_largest_mean_square() =>
        Follows(new Adam(0.01f, amsgrad: true), (w, g, s, t) => w - AdamMove(g, s, t, true, Eps));

    [Fact]
    public void AdamW_shrinks_the_weight_before_the_step() =>
        Follows(new AdamW(0.01f, weightDecay: 0.5f), (w, g, s, t) => w - w * 0.5 * 0.01f - AdamMove(g, s, t, false, Eps));

    [Fact]
    public void Adagrad_sums_squares_from_its_initial_accumulator() => Follows(new Adagrad(0.05f, epsilon: 0.01f), (w, g, s, _) =>
    {
        s[0] += g * g;
        return w - 0.05f * g / Math.Sqrt(s[0] + 0.01f);
    }, slotStart: 0.1f);

    [Fact]
    public void Adadelta_divides_by_the_squares_of_this_step_and_multiplies_by_the_moves_before_it() => Follows(new Adadelta(1f), (w, g, s, _) =>
    {
        s[0] = 0.95f * s[0] + (1 - 0.95f) * g * g;
        double move = Math.Sqrt(s[1] + Eps) / Math.Sqrt(s[0] + Eps) * g;
        s[1] = 0.95f * s[1] + (1 - 0.95f) * move * move;
        return w - move;
    });

    [Fact]
    public void Adamax_forgets_its_largest_magnitude_slowly() => Follows(new Adamax(0.01f, beta2: 0.5f), (w, g, s, t) =>
    {
        s[0] += (g - s[0]) * (1 - 0.9f);
        s[1] = Math.Max(0.5f * s[1], Math.Abs(g));
        return w - 0.01f * s[0] / ((1 - Math.Pow(0.9f, t)) * (s[1] + Eps));
    });

    [Fact]
    public void Nadam_follows_the_momentum_schedule_of_Keras_3() => Follows(new Nadam(0.01f, epsilon: 0.01f), (w, g, s, t) =>
    {
        double Momentum(int step) => 0.9f * (1 - 0.5 * Math.Pow(0.96, step));
        double product = Enumerable.Range(1, t).Aggregate(1.0, (p, i) => p * Momentum(i));
        s[0] += (g - s[0]) * (1 - 0.9f);
        s[1] += (g * g - s[1]) * (1 - 0.999f);
        double mean = Momentum(t + 1) * s[0] / (1 - product * Momentum(t + 1)) + (1 - Momentum(t)) * g / (1 - product);
        return w - 0.01f * mean / (Math.Sqrt(s[1] / (1 - Math.Pow(0.999f, t))) + 0.01f);
    });

    [Fact]
    public void Defaults_are_those_of_Keras()
    {
        Assert.Equal(0.01f, new Sgd().LearningRate);
        Assert.All(new Optimizer[] { new RMSprop(), new Adam(), new AdamW(), new Adamax(), new Nadam(), new Adagrad(), new Adadelta() }, o => Assert.Equal(0.001f, o.LearningRate));
        Follows(new AdamW(0.01f), (w, g, s, t) => w - w * 0.004f * 0.01f - AdamMove(g, s, t, false, Eps));
    }

    [Fact]
    public void Clip_value_bounds_each_number() =>
        Follows(new Sgd(0.1f) { ClipValue = 0.3f }, (w, g, _, _) => w - 0.1f * Math.Clamp(g, -0.3f, 0.3f));

    [Theory]
    [InlineData(0.5)]
    [InlineData(100)]
    public void Clip_norm_scales_one_gradient_and_the_global_norm_all_together(double norm)
    {
        var model = new Sequential(2) { new Dense(3) };
        Parameter kernel = model.Parameters[0], bias = model.Parameters[1];
        float[] g = [1, 2, 2, 0, 0, 0], b = [4, 0, 0]; // norms 3 and 4, together 5
        foreach (bool global in new[] { false, true })
        {
            kernel.Set(new float[6]);
            bias.Set(new float[3]);
            using Optimizer optimizer = global ? new Sgd(1f) { GlobalClipNorm = (float)norm } : new Sgd(1f) { ClipNorm = (float)norm };
            Tensor gk = Tensor.From(kernel.Device, kernel.Shape, g), gb = Tensor.From(bias.Device, bias.Shape, b);
            optimizer.Apply([(kernel, gk), (bias, gb)]);
            gk.Release();
            gb.Release();
            Assert.Equal(-2 * Math.Min(1, norm / (global ? 5 : 3)), kernel.Value.ToArray()[1], 1e-6); // one float32 factor
            Assert.Equal(-4 * Math.Min(1, norm / (global ? 5 : 4)), bias.Value.ToArray()[0], 1e-6);
        }
        model.Release();
    }

    [Fact]
    public void Two_kinds_of_clipping_are_an_error()
    {
        (_, Parameter kernel) = OneKernel();
        Assert.Contains("set one of", Assert.Throws<GraftException>(() => Step(new Sgd { ClipNorm = 1, ClipValue = 1 }, kernel, Gradient(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_schedule_gives_the_rate_of_each_step_and_cannot_be_overwritten()
    {
        using var optimizer = new Sgd(new StepDecay(1, every: 2, factor: 0.5f));
        (_, Parameter kernel) = OneKernel();
        float[] rates = new float[4];
        for (int i = 0; i < 4; i++)
        {
            rates[i] = optimizer.LearningRate;
            Step(optimizer, kernel, Gradient(i + 1));
        }
        Assert.Equal([1f, 1f, 0.5f, 0.5f], rates);
        Assert.Contains("StepDecay", Assert.Throws<GraftException>(() => optimizer.LearningRate = 1).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_that_is_exported_and_imported_goes_on_to_the_same_bits()
    {
        foreach (Func<Optimizer> make in new Func<Optimizer>[] { () => new Adam(0.01f, amsgrad: true), () => new RMSprop(0.01f, momentum: 0.5f, centered: true), () => new Sgd(0.01f, 0.9f), () => new Adagrad(), () => new Adadelta(1f), () => new Adamax(), () => new Nadam() })
        {
            (Model model, Parameter kernel) = OneKernel();
            using Optimizer first = make(), second = make();
            for (int t = 0; t < 5; t++)
                Step(first, kernel, Gradient(t + 1));
            float[] middle = kernel.Value.ToArray();
            (string, float[])[] state = [.. first.ExportState(model)];
            for (int t = 5; t < 10; t++)
                Step(first, kernel, Gradient(t + 1));
            float[] expected = kernel.Value.ToArray();

            kernel.Set(middle);
            second.ImportState(model, state);
            Assert.Equal(5, second.Iterations);
            for (int t = 5; t < 10; t++)
                Step(second, kernel, Gradient(t + 1));
            Assert.Equal(expected, kernel.Value.ToArray());
            Assert.Contains("d/kernel/", string.Join(' ', state.Select(s => s.Item1)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void State_of_another_model_is_refused_by_name()
    {
        (Model model, _) = OneKernel();
        using var adam = new Adam();
        Assert.Contains("other/kernel/momentum", Assert.Throws<GraftException>(() => adam.ImportState(model, [("other/kernel/momentum", new float[6])])).Message, StringComparison.Ordinal);
        Assert.Contains("5 numbers", Assert.Throws<GraftException>(() => adam.ImportState(model, [("d/kernel/momentum", new float[5])])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Slots_are_made_on_demand_and_given_back()
    {
        (_, Parameter kernel) = OneKernel();
        int before = kernel.Device.Pool.LiveBlocks;
        var adam = new Adam();
        Assert.Equal(before, kernel.Device.Pool.LiveBlocks);
        Step(adam, kernel, Gradient(1));
        Assert.Equal(before + 2, kernel.Device.Pool.LiveBlocks);
        adam.Dispose();
        Assert.Equal(before, kernel.Device.Pool.LiveBlocks);
    }

    [Fact]
    public void Create_knows_all_optimizers_by_name()
    {
        foreach (string name in new[] { "sgd", "rmsprop", "adam", "adamw", "adamax", "nadam", "adagrad", "adadelta" })
        {
            Assert.Equal(name, Optimizer.Create(name).Name);
            Assert.Equal(0.5f, Optimizer.Create(name, 0.5f).LearningRate);
        }
        Assert.Equal((1e-3f, 0f, 2f), (Optimizer.Create("adamw", new CosineDecay(1e-3f, 10), 2, 0.1f) is AdamW a ? a.LearningRate : 0, new CosineDecay(1e-3f, 10).At(10), Optimizer.Create("sgd", null, 2, null).GlobalClipNorm));
        Assert.Contains("Weight decay is for adamw; sgd has none", Assert.Throws<GraftException>(() => Optimizer.Create("sgd", null, null, 0.1f)).Message, StringComparison.Ordinal);
        Assert.Contains("there are sgd", Assert.Throws<GraftException>(() => Optimizer.Create("lion")).Message, StringComparison.Ordinal);
    }
}

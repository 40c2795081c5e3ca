using Graft.Adapters;
using Graft.Autograd;
using Graft.Inference;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Tests.Training;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Adapters;

/// <summary>Adapters on small models: the formula, its gradients, what is frozen, merging and taking off.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class LoraTests
{
    private const int In = 5, Middle = 7, Out = 3, Batch = 4;

    private static readonly LoraConfig Config = new() { Rank = 2, Alpha = 3, TargetModules = [LoraConfig.AllLinear] };

    [Fact]
    public void New_adapters_leave_every_output_as_it_was_and_all_else_is_frozen()
    {
        Sequential model = Model();
        float[] x = Random(Batch * In, 1), before = Outputs(model, x);
        IReadOnlyList<LoraModule> added = Lora.Attach(model, Config);
        Assert.Equal(["low", "mid"], added.Select(m => m.Name)); // the output layer is none of "all-linear"
        Assert.Equal(before, Outputs(model, x));
        Assert.Equal(["low/lora_A", "low/lora_B", "mid/lora_A", "mid/lora_B"], model.NamedParameters().Where(p => p.Parameter.IsTrainable).Select(p => p.Path));
        float bound = 1 / MathF.Sqrt(In);
        float[] a = added[0].Adapter.A.Value.ToArray();
        Assert.All(a, v => Assert.InRange(v, -bound, bound));
        Assert.Equal(a.Length, a.Distinct().Count());
        Assert.All(added, m => Assert.All(m.Adapter.B.Value.ToArray(), v => Assert.Equal(0, v)));
        model.Release();
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void The_output_is_that_of_the_formula(bool rankStabilized, bool useBias)
    {
        var model = new Sequential(In) { new Dense(Out, Activation.Tanh) { Name = "only", UseBias = useBias } };
        LoraAdapter adapter = Lora.Attach(model, Config with { TargetModules = ["only"], UseRsLora = rankStabilized })[0].Adapter;
        Fill(model, 4);
        float[] x = Random(Batch * In, 1), y = Outputs(model, x), w = Values(model, "only/kernel"), a = adapter.A.Value.ToArray(), b = adapter.B.Value.ToArray();
        double scale = rankStabilized ? 3 / Math.Sqrt(2) : 1.5;
        Assert.Equal(scale, adapter.Scale, 1e-6);
        for (int n = 0; n < Batch; n++)
        {
            for (int o = 0; o < Out; o++)
            {
                double sum = useBias ? Values(model, "only/bias")[o] : 0;
                for (int i = 0; i < In; i++)
                {
                    sum += (double)x[n * In + i] * w[i * Out + o];
                    for (int r = 0; r < 2; r++)
                        sum += scale * x[n * In + i] * a[i * 2 + r] * b[r * Out + o];
                }
                Assert.Equal(Math.Tanh(sum), y[n * Out + o], 1e-6);
            }
        }
        model.Release();
    }

    [Fact]
    public void Gradients_of_both_factors_in_every_layer_equal_finite_differences_and_frozen_weights_have_none()
    {
        Sequential model = Model();
        Lora.Attach(model, Config);
        model.MoveTo(Device.Reference);
        Fill(model, 4);
        float[] x = Random(Batch * In, 1), upstream = Random(Batch * Out, 2);
        using var tape = new Tape(model.Device) { Training = true };
        tape.Backward(model.Forward(tape, [tape.Constant(new Shape(Batch, In), x)]), upstream);
        int compared = 0;
        foreach ((string path, Parameter parameter) in model.NamedParameters())
        {
            float[]? gradient = tape.Gradient(parameter.Value)?.ToArray();
            Assert.Equal(path.Contains("/lora_", StringComparison.Ordinal), gradient is not null);
            for (int i = 0; i < gradient?.Length; i++, compared++)
                Assert.Equal(Slope(model, parameter, i, x, upstream), gradient[i], 2e-4); // float32 forward runs, differences over 4e-2
        }
        Assert.Equal(2 * (In + Middle + Middle + Middle), compared);
        model.Release();
    }

    [Fact]
    public void Gradients_are_those_of_the_weight_itself_by_the_chain_rule()
    {
        Sequential adapted = Model(), whole = Model();
        Lora.Attach(adapted, Config);
        Fill(adapted, 4);
        Lora.Merge(adapted);
        Copy(adapted, whole);
        Lora.Unmerge(adapted);
        float[] x = Random(Batch * In, 1), upstream = Random(Batch * Out, 2);
        using Tape tape = new(adapted.Device) { Training = true }, plain = new(whole.Device) { Training = true };
        tape.Backward(adapted.Forward(tape, [tape.Constant(new Shape(Batch, In), x)]), upstream);
        plain.Backward(whole.Forward(plain, [plain.Constant(new Shape(Batch, In), x)]), upstream);
        foreach (LoraModule module in Lora.Modules(adapted))
        {
            // W' = W + s A B: dA = s dW Bᵀ, dB = s Aᵀ dW
            Parameter a = module.Adapter.A, b = module.Adapter.B;
            float[] dw = plain.Gradient(((Dense)whole.GetLayer(module.Name)).Parameters[0].Value)!.ToArray(), da = tape.Gradient(a.Value)!.ToArray(), db = tape.Gradient(b.Value)!.ToArray();
            int inputs = a.Shape[0], outputs = b.Shape[1];
            for (int i = 0; i < inputs; i++)
            {
                for (int r = 0; r < 2; r++)
                    Assert.Equal(1.5 * Enumerable.Range(0, outputs).Sum(o => (double)dw[i * outputs + o] * b.Value.ToArray()[r * outputs + o]), da[i * 2 + r], 1e-5);
            }
            for (int r = 0; r < 2; r++)
            {
                for (int o = 0; o < outputs; o++)
                    Assert.Equal(1.5 * Enumerable.Range(0, inputs).Sum(i => (double)dw[i * outputs + o] * a.Value.ToArray()[i * 2 + r]), db[r * outputs + o], 1e-5);
            }
        }
        adapted.Release();
        whole.Release();
    }

    [Fact]
    public void Dropout_is_on_the_adapters_input_alone_and_in_training_alone()
    {
        const int Wide = 4000;
        var model = new Sequential(Wide) { new Dense(1) { Name = "only" } };
        LoraAdapter adapter = Lora.Attach(model, Config with { Rank = 1, Alpha = 1, Dropout = 0.25f, TargetModules = ["only"] })[0].Adapter;
        model.Parameters[0].Set(Constant(Wide, 2f / Wide)); // the layer's own share is 2, the adapter's 1 where nothing is dropped
        adapter.A.Set(Constant(Wide, 1f / Wide));
        adapter.B.Set([1]);
        float[] x = Constant(Wide, 1);
        float Training(ulong seed)
        {
            using var tape = new Tape(model.Device) { Training = true, Seed = seed };
            return model.Forward(tape, [tape.Constant(new Shape(1, Wide), x)]).Item();
        }
        Assert.Equal(3, Outputs(model, x)[0], 1e-5);
        Assert.InRange(Training(1), 2.9, 3.1); // the deviation of the mean of 4000 kept or dropped numbers is 0.009
        Assert.NotEqual(3, Training(1), 1e-4);
        Assert.Equal(Training(1), Training(1));
        Assert.NotEqual(Training(1), Training(2));
        model.Release();
    }

    [Fact]
    public void Training_moves_the_adapters_and_not_one_bit_of_the_model()
    {
        Sequential model = Compiled(dropout: 0.1f);
        float[][] before = [.. model.NamedParameters().Select(p => p.Parameter.Value.ToArray())];
        History history = model.Fit(TrainingData.Binary(), 3);
        Assert.True(history["loss"][^1] < history["loss"][0]);
        int i = 0;
        foreach ((string path, Parameter parameter) in model.NamedParameters())
            Assert.Equal(!path.Contains("/lora_", StringComparison.Ordinal), before[i++].AsSpan().SequenceEqual(parameter.Value.ToArray()));
        Assert.DoesNotContain(model.MemoryReport!.Tensors, t => t.Use is MemoryUse.Gradient or MemoryUse.OptimizerSlot && !t.Path.Contains("/lora_", StringComparison.Ordinal));
        Release(model);
    }

    [Fact]
    public void A_frozen_layer_behind_an_adapter_passes_gradients_on_and_keeps_nothing()
    {
        var model = new Sequential(In) { new Dense(6) { Name = "low" }, new Dense(6) { Name = "frozen" }, new Dense(1) { Name = "head" } };
        Lora.Attach(model, Config with { TargetModules = ["low"] });
        Fill(model, 4);
        using var tape = new Tape(model.Device) { Training = true };
        Tensor y = model.Forward(tape, [tape.Constant(new Shape(Batch, In), Random(Batch * In, 1))]);
        Assert.Equal(["low"], tape.KeptBytes.Keys); // what the two factors read: x, and the r numbers a row
        tape.Backward(y, Random(Batch, 2));
        Assert.Contains(tape.Gradient(Lora.Modules(model)[0].Adapter.A.Value)!.ToArray(), g => g != 0);
        model.Release();
    }

    [Fact]
    public void Merged_equals_unmerged_by_tape_and_by_plan_and_taking_it_out_restores_every_bit()
    {
        Sequential model = Model();
        using InferencePlan plan = InferencePlan.Compile(model);
        float[] ByPlan(float[] x)
        {
            var y = new float[Batch * Out];
            plan.Run(x, Batch, y, TrainingData.Token);
            return y;
        }
        float[] x = Random(Batch * In, 1), bare = ByPlan(x);
        Lora.Attach(model, Config);
        Fill(model, 4);
        model.Trainable = false; // no flag tells a merged model from an unmerged one
        float[][] weights = [.. model.Parameters.Select(p => p.Value.ToArray())];
        float[] apart = Outputs(model, x), planned = ByPlan(x);
        Lora.Merge(model);
        Lora.Merge(model); // is merged already
        AssertClose(apart, Outputs(model, x));
        AssertClose(apart, planned);
        AssertClose(apart, ByPlan(x));
        AssertClose(apart, model.Predict(x, new Shape(Batch, In), TrainingData.Token).SelectMany(r => r).ToArray());
        Assert.True(bare.Zip(apart).Max(p => Math.Abs(p.First - p.Second)) > 0.01);
        Lora.Unmerge(model);
        Assert.Equal(weights, model.Parameters.Select(p => p.Value.ToArray()));
        Assert.Equal(apart, Outputs(model, x));
        Assert.Equal(planned, ByPlan(x));
        model.Release();
    }

    [Fact]
    public void Taken_off_unmerged_nothing_remains_and_merged_the_weights_keep_it()
    {
        Sequential model = Model();
        float[] x = Random(Batch * In, 1), bare = Outputs(model, x);
        int blocks = model.Device.Pool.LiveBlocks;
        string summary = model.Summary();
        Lora.Attach(model, Config);
        Fill(model, 4, "/lora_");
        float[] adapted = Outputs(model, x);
        Lora.Detach(model);
        Assert.Equal(bare, Outputs(model, x));
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        Assert.DoesNotContain(model.Parameters, p => p.IsTrainable);
        model.Trainable = true;
        Assert.All(model.Parameters, p => Assert.True(p.IsTrainable));
        Assert.Equal(summary, model.Summary());

        Lora.Attach(model, Config);
        Fill(model, 4, "/lora_");
        Lora.Merge(model);
        Lora.Detach(model);
        AssertClose(adapted, Outputs(model, x));
        Assert.Empty(Lora.Modules(model));
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        model.Release();
    }

    [Fact]
    public void The_summary_counts_what_learns_and_what_is_frozen()
    {
        Sequential model = Model();
        int own = In * Middle + Middle + Middle * Middle + Middle + Middle * Out + Out, learns = 2 * (In + Middle + Middle + Middle);
        Lora.Attach(model, Config);
        string summary = model.Summary();
        Assert.Contains($" Total params: {own + learns} ", summary, StringComparison.Ordinal);
        Assert.Contains($" Trainable params: {learns} ", summary, StringComparison.Ordinal);
        Assert.Contains($" Non-trainable params: {own} ", summary, StringComparison.Ordinal);
        Assert.Contains($" {In * Middle + Middle + 2 * (In + Middle)} ", summary.Split('\n').First(l => l.Contains("low (Dense)", StringComparison.Ordinal)), StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void A_merged_model_is_neither_trained_nor_adapted_once_more()
    {
        Sequential model = Compiled();
        Lora.Merge(model);
        Assert.Contains("the adapter of 'base' is merged", Assert.Throws<GraftException>(() => model.Fit(TrainingData.Binary(), 1)).Message, StringComparison.Ordinal);
        Assert.Contains("is merged", Assert.Throws<GraftException>(() => Lora.Attach(model, new LoraConfig { TargetModules = ["head"] })).Message, StringComparison.Ordinal);
        Lora.Unmerge(model);
        model.Fit(TrainingData.Binary(), 1);
        Assert.Contains("'base' has an adapter already", Assert.Throws<GraftException>(() => Lora.Attach(model, new LoraConfig { TargetModules = ["base"] })).Message, StringComparison.Ordinal);
        Lora.Detach(model);
        foreach (Action<Model> call in new Action<Model>[] { Lora.Merge, Lora.Unmerge, Lora.Detach })
            Assert.Contains("has no adapters", Assert.Throws<GraftException>(() => call(model)).Message, StringComparison.Ordinal);
        Release(model);
    }

    [Theory]
    [InlineData(LoraInitialization.Gaussian)]
    [InlineData(LoraInitialization.Random)]
    public void Other_beginnings_are_those_of_PEFT(LoraInitialization initialization)
    {
        var model = new Sequential(400) { new Dense(300) { Name = "only" } };
        LoraAdapter adapter = Lora.Attach(model, Config with { Rank = 4, TargetModules = ["only"], Initialization = initialization })[0].Adapter;
        float[] a = adapter.A.Value.ToArray(), b = adapter.B.Value.ToArray();
        if (initialization == LoraInitialization.Gaussian)
        {
            Assert.Equal(0.25, Math.Sqrt(a.Average(v => (double)v * v)), 0.02); // 1600 draws: the deviation of the deviation is 0.0044
            Assert.All(b, v => Assert.Equal(0, v));
            model.Release();
            return;
        }
        Assert.InRange(a.Max(), 0.045, 0.05); // 1 / sqrt(400)
        Assert.InRange(b.Max(), 0.45, 0.5); // 1 / sqrt(4)
        model.Release();
    }

    private static Sequential Model()
    {
        var model = new Sequential(In) { new Dense(Middle, Activation.Tanh) { Name = "low" }, new Dense(Middle) { Name = "mid" }, new Dense(Out) { Name = "head" } };
        model.SetSeed(3);
        return model;
    }

    private static Sequential Compiled(float dropout = 0)
    {
        Sequential model = TrainingData.BinaryModel();
        Lora.Attach(model, Config with { Dropout = dropout, TargetModules = ["base"] });
        return model;
    }

    private static double Slope(Model model, Parameter parameter, int index, float[] x, float[] upstream)
    {
        const double Step = 1e-2;
        float[] values = parameter.Value.ToArray();
        double At(double steps)
        {
            float[] moved = [.. values];
            moved[index] += (float)(steps * Step);
            parameter.Set(moved);
            return Outputs(model, x).Zip(upstream).Sum(p => (double)p.First * p.Second);
        }
        double slope = (8 * (At(1) - At(-1)) - (At(2) - At(-2))) / (12 * Step);
        parameter.Set(values);
        return slope;
    }

    private static float[] Outputs(Model model, float[] x)
    {
        using var tape = new Tape(model.Device);
        return model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(x.Length / (int)model.Inputs[0].Shape.Count), x)]).ToArray();
    }

    private static float[] Values(Model model, string path) => model.NamedParameters().First(p => p.Path == path).Parameter.Value.ToArray();

    private static void Fill(Model model, int seed, string part = "")
    {
        foreach ((string path, Parameter parameter) in model.NamedParameters().Where(p => p.Path.Contains(part, StringComparison.Ordinal)))
            parameter.Set(Random((int)parameter.Shape.Count, seed + path.Length));
    }

    private static void Copy(Model from, Model to)
    {
        Dictionary<string, Parameter> values = from.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter);
        foreach ((string path, Parameter parameter) in to.NamedParameters())
            parameter.Set(values[path].Value.ToArray());
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    private static float[] Constant(int count, float value) => [.. Enumerable.Repeat(value, count)];

    private static void AssertClose(float[] expected, float[] actual)
    {
        float scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5f * scale));
    }

    private static void Release(Model model)
    {
        model.Optimizer?.Dispose();
        model.Release();
    }
}

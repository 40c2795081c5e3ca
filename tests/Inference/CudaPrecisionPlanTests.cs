using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Training;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Inference;

/// <summary>Frozen plans in TF32, bf16 and fp16 on the emulated GPU against the Reference set in float32.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPrecisionPlanTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Count = 3;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    private static readonly Dictionary<string, Func<Model>> s_models = new()
    {
        ["vgg"] = CudaTrainingTests.SmallVgg,
        ["resnet"] = CudaTrainingTests.SmallResNet,
        ["tangle"] = PlanModels.Tangle,
        ["dense tangle"] = PlanModels.DenseTangle,
    };

    public static TheoryData<string, ComputePrecision, bool> Models
    {
        get
        {
            var data = new TheoryData<string, ComputePrecision, bool>();
            foreach (string name in s_models.Keys)
            {
                foreach (ComputePrecision precision in new[] { ComputePrecision.TF32, ComputePrecision.BFloat16, ComputePrecision.Float16 })
                {
                    data.Add(name, precision, true);
                    data.Add(name, precision, false);
                }
            }
            return data;
        }
    }

    /// <summary>
    /// What a plan may deviate by, as a share of the largest output: about twice what these networks of up to 17 layers show, whose roundings of 2^-11, 2^-8 and 2^-11 partly cancel
    /// (0.0009, 0.008 and 0.0014).
    /// </summary>
    private static double Most(ComputePrecision precision) => precision == ComputePrecision.BFloat16 ? 0.015 : 0.003;

    [Theory, MemberData(nameof(Models))]
    public void A_plan_gives_the_references_outputs_within_its_roundings_and_not_closer(string name, ComputePrecision precision, bool usesLibraries)
    {
        emulator.Begin($"{nameof(A_plan_gives_the_references_outputs_within_its_roundings_and_not_closer)} {name} {precision} {usesLibraries}");
        using var gpu = new EmulatedGpu(usesCudnn: usesLibraries, usesCublasLt: usesLibraries);
        Model model = Filled(name);
        float[] samples = PlanModels.Samples(model, Count), expected = Predict(model, samples, Device.Reference);
        float[] exact = Predict(model, samples, gpu.Device);
        model.PlanOptions = new PlanOptions { Precision = precision };
        float[] actual = Predict(model, samples, gpu.Device);
        Assert.True(PlanModels.Deviation(expected, exact) < 2e-5, "float32 is exact");
        double deviation = PlanModels.Deviation(expected, actual);
        bool rounds = usesLibraries || precision.IsNarrow() || s_models[name] == PlanModels.DenseTangle; // own convolutions stay float32 under TF32; dense layers are cuBLAS's
        Assert.InRange(deviation, rounds ? 1e-5 : 0, Most(precision));
        model.Release();
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Every_access_of_a_plan_in_16_bits_is_in_bounds_and_initialised(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Every_access_of_a_plan_in_16_bits_is_in_bounds_and_initialised)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        Model model = Filled("resnet");
        float[] samples = PlanModels.Samples(model, Count), expected = Predict(model, samples, Device.Reference);
        model.PlanOptions = new PlanOptions { Precision = precision };
        Assert.InRange(PlanModels.Deviation(expected, Predict(model, samples, gpu.Device)), 0, Most(precision));
        model.Release();
    }

    [Fact]
    public void Activations_and_weights_take_half_the_memory_and_are_rounded_at_the_edges_alone()
    {
        emulator.Begin(nameof(Activations_and_weights_take_half_the_memory_and_are_rounded_at_the_edges_alone));
        using var gpu = new EmulatedGpu();
        Model model = Filled("resnet");
        model.MoveTo(gpu.Device);
        string Describe(ComputePrecision precision)
        {
            using var plan = InferencePlan.Compile(model, new PlanOptions { Precision = precision, Winograd = false }); // whose weights are four times as many
            return plan.Describe(4);
        }
        string exact = Describe(ComputePrecision.Float32), narrow = Describe(ComputePrecision.BFloat16);
        Assert.StartsWith($"Plan of '{model.Name}' on cuda:0 in bf16: ", narrow, StringComparison.Ordinal);
        Assert.StartsWith($"Plan of '{model.Name}' on cuda:0: ", exact, StringComparison.Ordinal);
        string[] steps = [.. narrow.Split('\n').Skip(2).Where(l => l.Length > 0)];
        Assert.Single(steps, l => l.Contains("float32 to bf16", StringComparison.Ordinal));
        Assert.DoesNotContain(steps, l => l.Contains("bf16 to float32", StringComparison.Ordinal)); // the last dense layer writes float32 for the softmax
        Assert.Contains(steps, l => l.Contains($"Conv2D by {gpu.Context.Dnn.Name} in bf16 + bias + residual + ReLU", StringComparison.Ordinal));
        Assert.Contains(steps, l => l.Contains("ReduceMean in bf16", StringComparison.Ordinal));
        Assert.Contains(steps, l => l.Contains($"Dense by {gpu.Context.BlasLt.Name} in bf16 + bias", StringComparison.Ordinal));
        Assert.Contains(Describe(ComputePrecision.TF32).Split('\n'), l => l.Contains($"Conv2D by {gpu.Context.Dnn.Name} in tf32 + bias", StringComparison.Ordinal));
        model.Release();
        model = new Sequential(32, 32, 3) { new Conv2D(64, 3, 3), new Conv2D(64, 3, 3), new Conv2D(64, 3, 3), new Conv2D(4, 1, 1) };
        model.MoveTo(gpu.Device);
        (exact, narrow) = (Describe(ComputePrecision.Float32), Describe(ComputePrecision.BFloat16));
        Assert.Equal(Megabytes(exact, "MiB of packed") / 2, Megabytes(narrow, "MiB of packed"), 0.011); // of two digits behind the point
        Assert.Equal(Megabytes(exact, "MiB of activations") / 2, Megabytes(narrow, "MiB of activations"), 0.011);
        model.Release();
    }

    [Fact]
    public void Batch_normalisation_is_folded_before_weights_are_rounded()
    {
        emulator.Begin(nameof(Batch_normalisation_is_folded_before_weights_are_rounded));
        using var gpu = new EmulatedGpu();
        const int filters = 64;
        var convolution = new Conv2D(filters, 1, 1) { UseBias = false };
        Node input = Node.Input(new Shape(1, 1, 1), "x");
        var model = new Model(input, new BatchNormalization { Epsilon = 0 }.Apply(convolution.Apply(input)));
        var random = new Random(3);
        float[] kernel = [.. Enumerable.Range(0, filters).Select(_ => random.NextSingle())], gamma = [.. Enumerable.Range(0, filters).Select(_ => random.NextSingle())];
        foreach ((string path, Parameter p) in model.NamedParameters())
            p.Set(path.EndsWith("/kernel", StringComparison.Ordinal) ? kernel : path.EndsWith("/gamma", StringComparison.Ordinal) ? gamma : [.. Enumerable.Repeat(path.EndsWith("variance", StringComparison.Ordinal) ? 1f : 0f, filters)]);
        model.PlanOptions = new PlanOptions { Precision = ComputePrecision.BFloat16 };
        float[] actual = Predict(model, [1], gpu.Device, 1);
        static float BFloat16(float v) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(v) + 0x7FFF + (BitConverter.SingleToUInt32Bits(v) >> 16 & 1)) & 0xFFFF0000);
        Assert.Equal([.. kernel.Zip(gamma, (k, g) => BFloat16(k * g))], actual); // one product by 1: nothing else rounds
        Assert.NotEqual([.. kernel.Zip(gamma, (k, g) => BFloat16(BFloat16(k) * g))], actual);
        model.Release();
    }

    [Fact]
    public void A_changed_weight_and_bias_are_rounded_anew()
    {
        emulator.Begin(nameof(A_changed_weight_and_bias_are_rounded_anew));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(3) { new Dense(4) { Name = "first" }, new Dense(2) { Name = "second" } };
        model.MoveTo(gpu.Device);
        model.PlanOptions = new PlanOptions { Precision = ComputePrecision.BFloat16 };
        foreach (float value in new[] { 1f, 2f })
        {
            foreach (Parameter p in model.Parameters)
                p.Set([.. Enumerable.Repeat(value, (int)p.Shape.Count)]);
            // Each of the four: 3 value + value; each of the two: 4 times that times value, + value. Whole numbers below 256 are exact.
            Assert.Equal([16 * value * value + value, 16 * value * value + value], model.Predict([1, 1, 1], new Shape(1, 3))[0]);
        }
        model.Release();
    }

    [Theory]
    // Weights ten times as large as GPT-2's make sharp softmaxes, which enlarge roundings: 0.0014, 0.028 and 0.0019 were seen.
    [InlineData(ComputePrecision.TF32, 0.003)]
    [InlineData(ComputePrecision.BFloat16, 0.05)]
    [InlineData(ComputePrecision.Float16, 0.004)]
    public void Gpt2_gives_the_references_logits_within_its_roundings(ComputePrecision precision, double most)
    {
        emulator.Begin($"{nameof(Gpt2_gives_the_references_logits_within_its_roundings)} {precision}");
        using var gpu = new EmulatedGpu();
        var config = new Gpt2Config { VocabularySize = 31, Positions = 40, Width = 16, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };
        Gpt2 gpt = Gpt2.Build(config, length: 10);
        float[] ids = [.. Enumerable.Range(0, 20).Select(i => (float)(i * 7 % 31))];
        gpt.MoveTo(Device.Reference);
        float[] expected = [.. gpt.Predict(ids, new Shape(2, 10)).SelectMany(r => r)];
        gpt.MoveTo(gpu.Device);
        gpt.PlanOptions = new PlanOptions { Precision = precision };
        float[] actual = [.. gpt.Predict(ids, new Shape(2, 10)).SelectMany(r => r)];
        Assert.InRange(PlanModels.Deviation(expected, actual), 1e-5, most);
        if (precision.IsNarrow())
        {
            string plan = gpt.Plans.ForInference()!.Describe();
            Assert.Contains($"CausalAttention in {precision.Word()}", plan, StringComparison.Ordinal);
            Assert.Contains($"LayerNorm in {precision.Word()}", plan, StringComparison.Ordinal);
        }
        gpt.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_head_learns_the_same_on_features_of_16_bits_whether_they_are_kept_or_not(bool keeps)
    {
        emulator.Begin($"{nameof(A_head_learns_the_same_on_features_of_16_bits_whether_they_are_kept_or_not)} {keeps}");
        using var gpu = new EmulatedGpu();
        (float[] Weights, History History) Train(PlanOptions options, FeatureCacheOptions cache)
        {
            Model features = CudaTrainingTests.SmallVgg();
            features.Trainable = false;
            var model = new Sequential(16, 15, 3) { features, new Dense(3, Activation.Softmax) { Name = "head" } };
            PlanModels.Fill(model);
            model.MoveTo(gpu.Device);
            model.PlanOptions = options;
            model.Compile(new Sgd(0.1f), Loss.SparseCategoricalCrossEntropy());
            ArrayBatches data = CudaTrainingTests.Data(new Shape(16, 15, 3), classes: 3, samples: 9, batch: 4);
            History history = model.Fit(data, 3, data, new FitOptions { FeatureCache = cache });
            float[] weights = [.. model.Layers[^1].Parameters.SelectMany(p => p.Value.ToArray())];
            model.Optimizer!.Dispose();
            model.Release();
            return (weights, history);
        }
        var narrow = new PlanOptions { Precision = ComputePrecision.BFloat16 };
        FeatureCacheOptions cache = keeps ? FeatureCacheOptions.Default : new FeatureCacheOptions { IsEnabled = false };
        (float[] exact, _) = Train(PlanOptions.Default, cache);
        (float[] weights, History history) = Train(narrow, cache);
        (float[] other, _) = Train(narrow, keeps ? new FeatureCacheOptions { IsEnabled = false } : FeatureCacheOptions.Default);
        Assert.Equal(other, weights);
        Assert.InRange(PlanModels.Deviation(exact, weights), 1e-6, 0.02);
        Assert.Contains("Products of what is trained in float32, weights and sums in float32; frozen layers and predictions in bf16; on cuda:0.", history.Notes);
    }

    [Fact]
    public void A_processor_refuses_when_the_plan_is_compiled()
    {
        Model model = Filled("vgg");
        model.PlanOptions = new PlanOptions { Precision = ComputePrecision.Float16 };
        GraftException e = Assert.Throws<GraftException>(() => Predict(model, PlanModels.Samples(model, 1), Device.Cpu, 1));
        Assert.Contains("cpu computes in float32 alone, not in fp16", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    private static Model Filled(string name) => PlanModels.Fill(s_models[name]());

    private static float[] Predict(Model model, float[] samples, Device device, int count = Count)
    {
        model.MoveTo(device);
        return [.. model.Predict(samples, model.Inputs[0].Shape.Prepend(count)).SelectMany(r => r)];
    }

    /// <summary>The number before some words.</summary>
    private static double Megabytes(string text, string words)
    {
        string[] before = text[..text.IndexOf(words, StringComparison.Ordinal)].TrimEnd().Split(' ');
        return double.Parse(before[^1], System.Globalization.CultureInfo.InvariantCulture);
    }
}

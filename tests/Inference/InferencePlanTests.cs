using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Inference;

[Collection(CpuThreadsCollection.Name)] // counts allocations and live blocks, and changes the number of threads
public sealed class InferencePlanTests
{
    /// <summary>
    /// Largest deviation from the graph run op by op, as a share of the largest output. One direct convolution rounds within 4e-7 of its
    /// largest output, Winograd's F(4x4) within 1.3e-5; through tens of layers errors add up as independent ones do. Measured over these networks
    /// on 512 bits: 3.1e-6 and 3.6e-6 at most; the bounds leave room for the other widths, which add in another order.
    /// </summary>
    private const double WinogradTolerance = 1e-5, DirectTolerance = 6e-6;

    public static TheoryData<string> Networks => new(s_networks.Keys);

    private static readonly Dictionary<string, Func<Model>> s_networks = new()
    {
        ["vgg16"] = () => Vgg16.Build(includeTop: false, 64, 64),
        ["vgg16 with top"] = () => Vgg16.Build(includeTop: true, 32, 32, classes: 10),
        ["imagenet_resnet18"] = () => ImageNetResNet18.Build(64, 64, Pooling.Average),
        ["resnet18"] = () => ResNet.Build(18, height: 64, width: 96, classes: 10),
        ["resnet34"] = () => ResNet.Build(34, includeTop: false, height: 64, width: 64),
        ["resnet50"] = () => ResNet.Build(50, includeTop: false, height: 64, width: 64, pooling: Pooling.Max),
        ["resnet50, old names"] = () => ResNet.Build(50, includeTop: false, height: 64, width: 64, variant: ResNetVariant.KerasOld),
        ["resnet50, torch"] = () => ResNet.Build(50, includeTop: false, height: 64, width: 64, variant: ResNetVariant.Torch),
        ["tangle"] = PlanModels.Tangle,
        ["dense tangle"] = PlanModels.DenseTangle,
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_plan_computes_what_the_graph_computes(string network)
    {
        Model model = PlanModels.Fill(s_networks[network]());
        float[] samples = PlanModels.Samples(model, 6);
        float[] expected = PlanModels.Eager(model, samples, 6);
        foreach ((PlanOptions options, double tolerance) in new[] { (PlanOptions.Default, WinogradTolerance), (new PlanOptions { Winograd = false }, DirectTolerance) })
        {
            using var plan = InferencePlan.Compile(model, options);
            foreach (int count in new[] { 6, 1 })
            {
                var outputs = new float[expected.Length / 6 * count];
                for (int run = 0; run < 2; run++) // the second run meets what the first left in the arena
                    plan.Run(samples.AsSpan(0, samples.Length / 6 * count), count, outputs);
                double deviation = PlanModels.Deviation(expected[..outputs.Length], outputs);
                if (!(deviation <= tolerance))
                    Assert.Fail($"{network}, {count} samples, {options}: {deviation:g3}\n{plan.Describe()}");
            }
        }
        model.Release();
    }

    [Fact]
    public void Predict_runs_the_plan_and_Eager_turns_it_off()
    {
        Model model = PlanModels.Fill(PlanModels.Tangle());
        float[] samples = PlanModels.Samples(model, 3);
        float[] expected = PlanModels.Eager(model, samples, 3);
        Shape shape = model.Inputs[0].Shape.Prepend(3);
        model.PlanOptions = PlanOptions.Eager;
        Assert.Equal(expected, model.Predict(samples, shape, TestContext.Current.CancellationToken).SelectMany(r => r).ToArray());
        model.PlanOptions = PlanOptions.Default;
        float[] planned = [.. model.Predict(samples, shape, TestContext.Current.CancellationToken).SelectMany(r => r)];
        Assert.NotEqual(expected, planned); // folded and fused: the last bits differ, which shows that it ran
        Assert.True(PlanModels.Deviation(expected, planned) <= WinogradTolerance);
        model.Release();
    }

    [Fact]
    public void The_steps_of_VGG16_and_ResNet50_are_their_convolutions_and_poolings()
    {
        Model vgg = Vgg16.Build(includeTop: false, 150, 150), resnet = ResNet.Build(50, includeTop: false, pooling: Pooling.Average);
        using (var plan = InferencePlan.Compile(vgg))
        {
            string[] lines = Steps(plan.Describe(20));
            Assert.Equal(13 + 2, lines.Length); // the first three poolings are done by the convolutions before them
            Assert.Equal(3, lines.Count(l => l.Contains("+ ReLU + max pool", StringComparison.Ordinal)));
            Assert.Equal(13, lines.Count(l => l.Contains("+ bias + ReLU", StringComparison.Ordinal)));
        }
        using (var plan = InferencePlan.Compile(resnet))
        {
            string[] lines = Steps(plan.Describe(32));
            Assert.Equal(53 + 2, lines.Length); // no step of its own for 53 normalisations, 49 activations, 16 sums and 2 paddings
            Assert.Equal(16, lines.Count(l => l.Contains("+ bias + residual + ReLU", StringComparison.Ordinal)));
            Assert.Contains(lines, l => l.Contains("Stem", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.Contains("conv2_block1_3_conv + conv2_block1_3_bn + conv2_block1_add + conv2_block1_out", StringComparison.Ordinal));
        }
        vgg.Release();
        resnet.Release();
    }

    [Fact]
    public void Dense_layers_take_bias_residual_and_activation_with_them()
    {
        Model model = PlanModels.DenseTangle();
        using var plan = InferencePlan.Compile(model);
        string[] lines = Steps(plan.Describe(4));
        Assert.Contains(lines, l => l.Contains("FrozenDense + bias + GeluTanh", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("branch_out + sum", StringComparison.Ordinal) && l.Contains("FrozenDense + residual", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("square + joined", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains(" shared ", StringComparison.Ordinal) && !l.Contains("Tanh", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains(" narrow ", StringComparison.Ordinal) && l.Contains(" Dense ", StringComparison.Ordinal)); // too narrow to be packed
        model.Release();
    }

    [Fact]
    public void Describe_gives_time_and_share_of_the_peak_after_a_run()
    {
        Model model = PlanModels.Fill(Vgg16.Build(includeTop: false, 32, 32));
        using var plan = InferencePlan.Compile(model);
        Assert.Contains("no batch yet", plan.Describe(), StringComparison.Ordinal);
        Assert.DoesNotContain("of peak", plan.Describe(2), StringComparison.Ordinal);
        plan.Run(PlanModels.Samples(model, 2), 2, new float[2 * model.Outputs[0].Shape.Count]);
        string[] lines = Steps(plan.Describe());
        Assert.Contains("of peak", plan.Describe(), StringComparison.Ordinal);
        string step = Assert.Single(lines, l => l.Contains("block3_conv2", StringComparison.Ordinal));
        Assert.Contains("151.0", step, StringComparison.Ordinal); // MFLOP: 2 images of 8 x 8 pixels, 2 · 9 · 256 · 256 each = 151.0
        model.Release();
    }

    [Fact]
    public void A_run_allocates_nothing_once_the_shape_was_seen()
    {
        Model model = PlanModels.Fill(ResNet.Build(50, height: 64, width: 64, classes: 10));
        float[] samples = PlanModels.Samples(model, 2);
        var outputs = new float[2 * 10];
        using var plan = InferencePlan.Compile(model);
        for (int i = 0; i < 3; i++)
            plan.Run(samples, 2, outputs);
        BlockCount blocks = new(model.Device);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 5; i++)
            plan.Run(samples, 2, outputs);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        blocks.AssertSame();
        model.Release();
    }

    [Fact]
    public void Numbers_depend_neither_on_the_thread_count_nor_on_the_other_samples_of_the_batch()
    {
        int threads = CpuThreads.Count;
        Model model = PlanModels.Fill(ResNet.Build(18, height: 64, width: 64, classes: 10));
        float[] samples = PlanModels.Samples(model, 9);
        float[] Run(int count, int typical, int first = 0)
        {
            int size = samples.Length / 9;
            using var memory = new PlanMemory(model.Device);
            using var plan = new InferencePlan(model, training: false, PlanOptions.Default, memory);
            Schedule schedule = plan.Prepare(model.Inputs[0].Shape.Prepend(count), typical);
            schedule.Run(samples.AsSpan(first * size, count * size), TestContext.Current.CancellationToken);
            return schedule.Outputs[0].ToArray();
        }
        try
        {
            CpuThreads.Count = 1;
            float[] one = Run(9, 9);
            CpuThreads.Count = 2;
            Assert.Equal(one, Run(9, 9));
            CpuThreads.Count = 5;
            Assert.Equal(one, Run(9, 9));
            Assert.Equal(one[..50], Run(5, 9));
            Assert.Equal(one[80..], Run(1, 9, first: 8)); // the last batch of an epoch
        }
        finally
        {
            CpuThreads.Count = threads;
        }
        model.Release();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public void With_a_typical_batch_a_sample_has_the_same_bits_in_a_batch_of_any_size(int typical)
    {
        Model model = PlanModels.Fill(ResNet.Build(18, height: 64, width: 64, classes: 10));
        model.PlanOptions = new PlanOptions { TypicalBatch = typical };
        float[] samples = PlanModels.Samples(model, 9);
        float[][] Rows(int count) => model.Predict(samples[..(samples.Length / 9 * count)], model.Inputs[0].Shape.Prepend(count), TestContext.Current.CancellationToken);
        float[][] all = Rows(9);
        Assert.Equal(all[..1], Rows(1));
        Assert.Equal(all[..4], Rows(4));
        Assert.Equal(all[..5], Rows(5));
        model.Release();
    }

    [Fact]
    public void A_plan_follows_the_weights_and_statistics_of_its_model()
    {
        Model model = PlanModels.Fill(PlanModels.Tangle());
        float[] samples = PlanModels.Samples(model, 2);
        using var plan = InferencePlan.Compile(model);
        var outputs = new float[2 * 5];
        plan.Run(samples, 2, outputs);
        foreach ((string path, Parameter p) in model.NamedParameters())
        {
            float[] values = p.Value.ToArray(), before = [.. outputs];
            p.Set(Array.ConvertAll(values, v => v * 1.05f + 0.01f));
            plan.Run(samples, 2, outputs);
            Assert.True(PlanModels.Deviation(PlanModels.Eager(model, samples, 2), outputs) <= WinogradTolerance, path);
            Assert.NotEqual(before, outputs);
            p.Set(values);
            plan.Run(samples, 2, outputs);
            Assert.Equal(before, outputs);
        }
        model.Release(); // draws new parameters at the next use
        PlanModels.Fill(model, seed: 5);
        plan.Run(samples, 2, outputs);
        Assert.True(PlanModels.Deviation(PlanModels.Eager(model, samples, 2), outputs) <= WinogradTolerance);
        model.Release();
    }

    [Fact]
    public void Plans_give_all_their_memory_back()
    {
        Model model = PlanModels.Fill(PlanModels.Tangle());
        BlockCount blocks = new(model.Device);
        using (var plan = InferencePlan.Compile(model))
        {
            foreach (int count in new[] { 2, 9, 3, 1, 20, 2, 7 })
                plan.Run(PlanModels.Samples(model, count), count, new float[count * 5]);
        }
        blocks.AssertSame();
        model.Predict(PlanModels.Samples(model, 2), model.Inputs[0].Shape.Prepend(2), TestContext.Current.CancellationToken);
        model.Plans.Dispose();
        blocks.AssertSame();
        model.Release();
    }

    [Fact]
    public void A_plan_says_what_does_not_fit()
    {
        Model model = PlanModels.Fill(PlanModels.Tangle());
        using var plan = InferencePlan.Compile(model);
        string message = Assert.Throws<ShapeException>(() => plan.Run(new float[10], 1, new float[5])).Message;
        foreach (string part in new[] { "tangle", "10 numbers in", "[17,19,3]", "[5]" })
            Assert.Contains(part, message, StringComparison.Ordinal);
        Node a = Node.Input(new Shape(4), "a"), b = Node.Input(new Shape(4), "b");
        var two = new Model([a, b], [new Add().Apply(a, b)]);
        Assert.Contains("2 inputs", Assert.Throws<GraftException>(() => InferencePlan.Compile(two)).Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void A_plan_of_a_model_that_was_moved_says_so_and_the_models_own_plans_follow()
    {
        Device there = new(KernelSet.Cpu), back = new(KernelSet.Cpu);
        var inner = new Sequential(4) { new Dense(3, Activation.Tanh) };
        inner.MoveTo(there);
        var outer = new Sequential(4) { inner, new Dense(2) };
        float[] x = [1, 2, 3, 4], y = new float[3];
        InferencePlan plan = InferencePlan.Compile(inner);
        plan.Run(x, 1, y);
        Assert.Equal(y, inner.Predict(x, new Shape(1, 4))[0]);
        outer.MoveTo(back); // the inner model's layers with it
        Assert.Contains("was compiled on cpu, but the model lies on cpu now. Compile another plan after MoveTo.", Assert.Throws<GraftException>(() => plan.Run(x, 1, y)).Message, StringComparison.Ordinal);
        Assert.Equal(y, inner.Predict(x, new Shape(1, 4))[0]);
        plan.Dispose();
        Assert.Equal(0, there.Pool.LiveBlocks);
        outer.Release();
    }

    [Fact]
    public void A_cancelled_run_ends_between_two_steps()
    {
        Model model = PlanModels.Fill(PlanModels.Tangle());
        using var plan = InferencePlan.Compile(model);
        Assert.Throws<OperationCanceledException>(() => plan.Run(PlanModels.Samples(model, 1), 1, new float[5], new CancellationToken(canceled: true)));
        model.Release();
    }

    private static string[] Steps(string description) => [.. description.Split('\n').Where(l => l.Length > 3 && char.IsDigit(l.AsSpan(0, 3).Trim(' ')[0]))];

    private sealed class BlockCount(Device device)
    {
        private readonly int _blocks = device.Pool.LiveBlocks;
        private readonly long _bytes = device.Pool.LiveBytes;

        public void AssertSame() => Assert.Equal((_blocks, _bytes), (device.Pool.LiveBlocks, device.Pool.LiveBytes));
    }
}

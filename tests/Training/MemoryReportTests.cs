using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

[Collection(CpuThreadsCollection.Name)] // the peak is that of the one pool
public sealed class MemoryReportTests
{
    private const int Floats = sizeof(float);

    [Fact]
    public void The_largest_tensors_of_a_step_are_named_with_what_they_are_for()
    {
        var model = new Sequential(256) { new Dense(512, Activation.Tanh) { Name = "wide" }, new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.Compile(new Adam { GlobalClipNorm = 1 }, Loss.BinaryCrossEntropy()); // a norm takes all gradients in memory
        model.Fit(Samples(256, 64), 1);
        MemoryReport report = model.MemoryReport!;

        const long Kernel = 256 * 512 * Floats, Output = 64 * 512 * Floats;
        HeldTensor[] largest = [.. report.Tensors.Take(4)];
        Assert.Equal(
            [("wide/kernel", MemoryUse.Parameter), ("wide/kernel", MemoryUse.Gradient), ("wide/kernel/momentum", MemoryUse.OptimizerSlot), ("wide/kernel/velocity", MemoryUse.OptimizerSlot)],
            largest.Select(t => (t.Path, t.Use)).Order());
        Assert.All(largest, t => Assert.Equal((new Shape(256, 512), Kernel), (t.Shape, t.Bytes)));
        Assert.Equal(report.Tensors.Select(t => t.Bytes).OrderDescending(), report.Tensors.Select(t => t.Bytes));
        Assert.Contains(report.Tensors, t => t.Path.StartsWith("wide/", StringComparison.Ordinal) && t.Use == MemoryUse.Activation && t.Shape.Equals(new Shape(64, 512)) && t.Bytes == Output);
        Assert.Equal(report.TotalKeptBytes, report.BytesOf(MemoryUse.Activation));
        Assert.Equal(2 * report.BytesOf(MemoryUse.Parameter), report.BytesOf(MemoryUse.OptimizerSlot)); // Adam's two
        Assert.Equal(report.BytesOf(MemoryUse.Parameter), report.BytesOf(MemoryUse.Gradient));
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void As_many_tensors_are_written_as_asked_for()
    {
        Sequential model = TrainingData.BinaryModel();
        model.Fit(TrainingData.Binary(), 1);
        MemoryReport report = model.MemoryReport!;
        string[] bare = report.ToString(0).Split('\n'), three = report.ToString(3).Split('\n');
        Assert.Equal(bare.Select(Words), three[..^3].Select(Words));
        Assert.Single(three.Select(line => line.IndexOf(" MiB", StringComparison.Ordinal)).Distinct()); // columns
        Assert.Contains($"{report.Tensors[0].Path} ", three[^3], StringComparison.Ordinal);
        Assert.Contains($"{report.Tensors[2].Shape}", three[^1], StringComparison.Ordinal);
        Assert.Equal(report.ToString(10), report.ToString());

        static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void A_frozen_base_shows_its_plan_and_sums_of_gradients_show_while_they_are_gathered()
    {
        var convolution = new Conv2D(8, 3, 3) { Name = "conv", Trainable = false };
        var model = new Sequential(9, 9, 3) { convolution, new Flatten(), new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy());
        model.Fit(Samples(9 * 9 * 3, 8, new Shape(9, 9, 3)), 1, options: new FitOptions { AccumulationSteps = 2, Callbacks = [new LambdaCallback { BatchEnd = (c, p) =>
        {
            if (p.Step == 1)
                Assert.Contains(c.Model.MemoryReport!.Tensors, t => t is { Path: "head/kernel/sum", Use: MemoryUse.Gradient });
        } }] });
        MemoryReport report = model.MemoryReport!;
        Assert.Contains(report.Tensors, t => t is { Path: "inference plan/arena", Use: MemoryUse.Scratch });
        Assert.Contains(report.Tensors, t => t is { Path: "inference plan/packed conv/kernel", Use: MemoryUse.Scratch });
        Assert.DoesNotContain(report.Tensors, t => t.Path.StartsWith("conv/", StringComparison.Ordinal) && t.Use != MemoryUse.Parameter);
        model.Optimizer!.Dispose();
        model.Release();
    }

    private static ArrayBatches Samples(int features, int batchSize, Shape? shape = null)
    {
        var random = new Random(1);
        float[] samples = [.. Enumerable.Range(0, features * batchSize * 2).Select(_ => random.NextSingle())];
        return new ArrayBatches(samples, shape ?? new Shape(features), [.. Enumerable.Range(0, batchSize * 2).Select(i => (float)(i % 2))], new Shape(1), LabelKind.Binary, batchSize);
    }
}

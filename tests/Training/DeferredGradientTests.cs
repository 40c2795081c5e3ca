using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Gradients that backward leaves to the optimizer: not in memory, and no bit of the training is another.</summary>
[Collection(CpuThreadsCollection.Name)] // sets the threads, counts the live blocks of the one pool
public sealed class DeferredGradientTests
{
    private const int Features = 300, Units = 250, BatchSize = 7;

    /// <summary>So large that nothing is ever clipped; but a norm takes gradients that are in memory.</summary>
    private const float NoLimit = 1e30f;

    private static readonly Dictionary<string, Func<float?, Optimizer>> s_optimizers = new()
    {
        ["sgd"] = limit => new Sgd(0.01f, 0.9f, nesterov: true) { GlobalClipNorm = limit },
        ["rmsprop"] = limit => new RMSprop(momentum: 0.5f, centered: true) { GlobalClipNorm = limit },
        ["adam"] = limit => new Adam(amsgrad: true) { GlobalClipNorm = limit },
        ["adamw"] = limit => new AdamW { Decays = AdamW.AllButBiasesAndNorms, GlobalClipNorm = limit },
        ["adamw without decay of kernels"] = limit => new AdamW { Decays = p => p.Name == "bias", GlobalClipNorm = limit },
        ["adamax"] = limit => new Adamax { GlobalClipNorm = limit },
        ["nadam"] = limit => new Nadam { GlobalClipNorm = limit },
        ["adagrad"] = limit => new Adagrad { GlobalClipNorm = limit },
        ["adadelta"] = limit => new Adadelta { GlobalClipNorm = limit },
    };

    public static TheoryData<string> Optimizers => [.. s_optimizers.Keys];

    [Theory, MemberData(nameof(Optimizers))]
    public void Training_has_the_same_bits_and_no_gradient_in_memory(string name)
    {
        int before = CpuThreads.Count;
        CpuThreads.Count = 1;
        (float[] separate, MemoryReport whole) = Train(Head(), s_optimizers[name](NoLimit));
        (float[] deferred, MemoryReport report) = Train(Head(), s_optimizers[name](null));
        CpuThreads.Count = 2;
        (float[] onTwo, _) = Train(Head(), s_optimizers[name](null));
        CpuThreads.Count = before;
        Assert.Equal(separate, deferred);
        Assert.Equal(separate, onTwo);
        Assert.Contains(whole.Tensors, IsGradientOfKernel);
        Assert.DoesNotContain(report.Tensors, IsGradientOfKernel);
        Assert.Contains(report.Tensors, t => t is { Path: "wide/Dense", Use: MemoryUse.Gradient } && t.Shape.Equals(new Shape(1, Units))); // dy of the last batch
        Assert.True(report.BytesOf(MemoryUse.Gradient) < whole.BytesOf(MemoryUse.Gradient) / 10);
    }

    [Fact]
    public void A_branch_that_shares_the_gradient_and_logits_that_are_written_over_change_nothing()
    {
        static Model Branches()
        {
            Node x = Input(Features);
            Node once = new Dense(Features) { Name = "wide" }.Apply(x);
            Node sum = new Add().Apply(once, new ActivationLayer(Activation.Tanh).Apply(x));
            Node relu = new ActivationLayer(Activation.ReLU).Apply(sum);
            return new Model(x, new Dense(Units) { Name = "logits" }.Apply(relu));
        }
        static (float[], MemoryReport) Run(float? limit) =>
            Train(Branches(), new Adam { GlobalClipNorm = limit }, Loss.SparseCategoricalCrossEntropy(fromLogits: true), Data(Features, LabelKind.Sparse));
        (float[] separate, _) = Run(NoLimit);
        (float[] deferred, MemoryReport report) = Run(null);
        Assert.Equal(separate, deferred);
        Assert.DoesNotContain(report.Tensors, t => t.Path is ("wide/kernel" or "logits/kernel") && t.Use == MemoryUse.Gradient);
    }

    [Fact]
    public void What_needs_the_gradient_itself_gets_it()
    {
        Assert.Contains(Train(Head(), new Adam { ClipNorm = 1 }).Report.Tensors, IsGradientOfKernel);
        Assert.DoesNotContain(Train(Head(), new Adam { ClipValue = 1 }).Report.Tensors, IsGradientOfKernel);
        Assert.Contains(Train(Head(regularizer: Regularizer.L2(0.01f)), new Adam()).Report.Tensors, IsGradientOfKernel);
        Assert.Contains(Train(Head(), new Adam(), options: new FitOptions { AccumulationSteps = 2 }).Report.Tensors, IsGradientOfKernel);
        Assert.Contains(Train(Head(), new Adam(), options: new FitOptions { CheckpointEvery = 1 }).Report.Tensors, IsGradientOfKernel);
        Assert.Contains(Train(Twice(), new Adam()).Report.Tensors, IsGradientOfKernel);
    }

    [Fact]
    public void A_value_limit_has_the_same_bits()
    {
        (float[] deferred, MemoryReport report) = Train(Head(), new Sgd { ClipValue = 1e-3f });
        (float[] separate, MemoryReport whole) = Train(Head(), new Sgd { ClipValue = 1e-3f }, options: new FitOptions { CheckpointEvery = 1 }); // checkpointing defers nothing
        Assert.Equal(separate, deferred);
        Assert.Contains(whole.Tensors, IsGradientOfKernel);
        Assert.DoesNotContain(report.Tensors, IsGradientOfKernel);
    }

    [Fact]
    public void Plain_loops_leave_gradients_out_too()
    {
        static (float[], MemoryReport) Run(float? limit)
        {
            Model model = Head();
            model.MoveTo(Device.Reference);
            return Train(model, new RMSprop { GlobalClipNorm = limit });
        }
        (float[] separate, _) = Run(NoLimit);
        (float[] deferred, MemoryReport report) = Run(null);
        Assert.Equal(separate, deferred);
        Assert.DoesNotContain(report.Tensors, IsGradientOfKernel);
    }

    private static bool IsGradientOfKernel(HeldTensor tensor) => tensor is { Path: "wide/kernel", Use: MemoryUse.Gradient };

    private static Sequential Head(Regularizer? regularizer = null) => new(Features)
    {
        new Dense(Units, Activation.ReLU) { Name = "wide", KernelRegularizer = regularizer },
        new Dense(1, Activation.Sigmoid) { Name = "head" },
    };

    /// <summary>One layer, used twice: its gradient has two contributions.</summary>
    private static Model Twice()
    {
        Node x = Input(Features);
        var wide = new Dense(Features) { Name = "wide" };
        return new Model(x, new Dense(1, Activation.Sigmoid).Apply(wide.Apply(wide.Apply(x))));
    }

    private static Node Input(int features) => Node.Input(new Shape(features), "x");

    /// <summary>Three batches, the last of one sample.</summary>
    private static ArrayBatches Data(int features, LabelKind kind)
    {
        const int Samples = 2 * BatchSize + 1;
        var random = new Random(1);
        return new ArrayBatches([.. Enumerable.Range(0, Samples * features).Select(_ => random.NextSingle() - 0.5f)], new Shape(features),
            [.. Enumerable.Range(0, Samples).Select(i => (float)(i % 2))], new Shape(1), kind, BatchSize);
    }

    private static (float[] Weights, MemoryReport Report) Train(Model model, Optimizer optimizer, Loss? loss = null, ArrayBatches? data = null, FitOptions? options = null)
    {
        int live = model.Device.Pool.LiveBlocks;
        model.SetSeed(3);
        model.Compile(optimizer, loss ?? Loss.BinaryCrossEntropy());
        model.Fit(data ?? Data(Features, LabelKind.Binary), 2, options: options);
        float[] weights = TrainingData.Weights(model);
        MemoryReport report = model.MemoryReport!;
        optimizer.Dispose();
        model.Release();
        Assert.Equal(live, model.Device.Pool.LiveBlocks);
        return (weights, report);
    }
}

using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Whole trainings on the emulated GPU, equal to those on the processor.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaTrainingTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData("adam")]
    [InlineData("sgd")]
    public void A_small_network_learns_as_on_the_processor(string optimizer)
    {
        emulator.Begin($"{nameof(A_small_network_learns_as_on_the_processor)} {optimizer}");
        using var gpu = new EmulatedGpu();
        Compare(gpu.Device, new Shape(20), classes: 3, samples: 48, batch: 16, epochs: 3,
            () => new Sequential(20) { new Dense(32, Activation.ReLU), new Dropout(0.25f), new Dense(24, Activation.Tanh), new Dense(3, Activation.Softmax) },
            () => Optimizer.Create(optimizer, 0.01f), Loss.SparseCategoricalCrossEntropy());
    }

    [Fact]
    public void The_head_of_a_frozen_base_learns_as_on_the_processor()
    {
        emulator.Begin(nameof(The_head_of_a_frozen_base_learns_as_on_the_processor));
        using var gpu = new EmulatedGpu();
        // VGG16's features of a photograph of 150 x 150 pixels, and the head and optimizer of Keras's guide to transfer learning.
        Compare(gpu.Device, new Shape(8192), classes: 1, samples: 40, batch: 20, epochs: 1,
            () => new Sequential(8192) { new Dense(256, Activation.ReLU), new Dropout(0.5f), new Dense(1, Activation.Sigmoid) },
            () => new RMSprop(2e-5f), Loss.BinaryCrossEntropy());
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void Small_networks_of_convolutions_learn_as_on_the_processor(bool residual, bool usesCudnn)
    {
        emulator.Begin($"{nameof(Small_networks_of_convolutions_learn_as_on_the_processor)} {residual} {usesCudnn}");
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        Compare(gpu.Device, new Shape(16, 15, 3), classes: 3, samples: 12, batch: 6, epochs: 2, residual ? SmallResNet : SmallVgg, () => new Sgd(0.02f, momentum: 0.9f),
            Loss.SparseCategoricalCrossEntropy());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_plan_of_a_frozen_network_of_convolutions_predicts_as_on_the_processor(bool usesCudnn)
    {
        emulator.Begin($"{nameof(The_plan_of_a_frozen_network_of_convolutions_predicts_as_on_the_processor)} {usesCudnn}");
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        foreach (Func<Model> build in new Func<Model>[] { SmallVgg, SmallResNet })
        {
            float[][] Predict(Device device)
            {
                Model model = build();
                model.MoveTo(device);
                model.Trainable = false;
                float[][] rows = model.Predict(Inputs(new Shape(16, 15, 3), 5), new Shape(5, 16, 15, 3));
                Assert.Equal(device == gpu.Device, model.Summary().Contains(usesCudnn ? "convolutions by cuDNN 9" : "convolutions by own kernels", StringComparison.Ordinal));
                model.Release();
                return rows;
            }
            Assert.All(Predict(Device.Cpu).SelectMany(r => r).Zip(Predict(gpu.Device).SelectMany(r => r)), p => Assert.Equal(p.First, p.Second, 2e-5));
        }
    }

    [Fact]
    public void A_plan_gives_the_same_bits_from_images_that_lie_on_the_gpu()
    {
        emulator.Begin(nameof(A_plan_gives_the_same_bits_from_images_that_lie_on_the_gpu));
        using var gpu = new EmulatedGpu();
        Model model = SmallResNet();
        model.MoveTo(gpu.Device);
        model.Trainable = false;
        var shape = new Shape(2, 16, 15, 3);
        float[] images = Inputs(shape.Tail(), 2), expected = new float[2 * model.Outputs[0].Shape.Count];
        using (InferencePlan plan = InferencePlan.Compile(model))
        {
            plan.Run(images, 2, expected);
            Tensor there = Tensor.From(gpu.Device, shape, images);
            Schedule schedule = plan.Prepare(shape);
            schedule.RunOnDevice(there.Data);
            schedule.RunOnDevice(there.Data); // the input is as it was
            Assert.Equal(expected, schedule.Outputs[0].ToArray());
            there.Release();
        }
        model.Release();
    }

    /// <summary>Blocks of convolutions and max pooling, then dense layers.</summary>
    internal static Sequential SmallVgg() => new(16, 15, 3)
    {
        new Conv2D(8, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(),
        new Conv2D(12, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(12, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(),
        new Flatten(), new Dense(16, Activation.ReLU), new Dense(3, Activation.Softmax),
    };

    internal static Model SmallResNet() => SmallResNet(16, 15, 8);

    /// <summary>A padded stem with stride, a block with a projection beside it, a block without, an average.</summary>
    internal static Model SmallResNet(int height, int width, int filters)
    {
        static Node Normalized(Node x, int filters, int size, int stride) => new BatchNormalization().Apply(
            new Conv2D(filters, size, size) { Strides = (stride, stride), Padding = Padding.Same, UseBias = false }.Apply(x));
        static Node ReLU(Node x) => new Graft.Layers.ReLU().Apply(x);
        Node input = Node.Input(new Shape(height, width, 3), "image");
        Node x = ReLU(Normalized(new ZeroPadding2D(Padding2D.All(2)).Apply(input), filters, 5, 2));
        Node block = Normalized(ReLU(Normalized(x, filters, 3, 2)), 2 * filters, 1, 1);
        x = ReLU(new Add().Apply(block, Normalized(x, 2 * filters, 1, 2)));
        x = ReLU(new Add().Apply(Normalized(ReLU(Normalized(x, filters, 3, 1)), 2 * filters, 1, 1), x));
        return new Model(input, new Dense(3, Activation.Softmax).Apply(new GlobalAveragePooling2D().Apply(x)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Several_inputs_and_outputs_learn_as_on_the_processor(bool frozenBase)
    {
        emulator.Begin($"{nameof(Several_inputs_and_outputs_learn_as_on_the_processor)} {frozenBase}");
        using var gpu = new EmulatedGpu();
        (float[] Numbers, History History) Train(Device device)
        {
            Model model = SeveralOutputsTests.Build(frozenBase);
            model.MoveTo(device);
            using var optimizer = new Adam(0.01f);
            model.Compile(optimizer, SeveralOutputsTests.Losses);
            History history = model.Fit(SeveralOutputsTests.Data(), 3, SeveralOutputsTests.Data());
            float[] numbers = [.. model.Parameters.SelectMany(p => p.Value.ToArray()), .. model.PredictAll(SeveralOutputsTests.Data()).SelectMany(o => o.SelectMany(r => r))];
            model.Release();
            return (numbers, history);
        }
        int live = gpu.Device.Pool.LiveBlocks;
        (float[] expected, History onCpu) = Train(Device.Cpu);
        (float[] actual, History onGpu) = Train(gpu.Device);
        Assert.Equal(live, gpu.Device.Pool.LiveBlocks);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 2e-5)); // as in Compare
        foreach (string name in new[] { "loss", "kind_loss", "age_loss", "val_loss", "val_age_loss" })
            Assert.Equal(onCpu.Last(name), onGpu.Last(name), 2e-5);
    }

    private static void Compare(Device gpu, Shape inputs, int classes, int samples, int batch, int epochs, Func<Model> build, Func<Optimizer> optimizer, Loss loss, double tolerance = 2e-5)
    {
        (History History, float[][] Weights, float[] Output) Train(Device device)
        {
            Model model = build();
            using Optimizer rule = optimizer();
            model.MoveTo(device);
            model.Compile(rule, loss, Metric.Accuracy);
            ArrayBatches data = Data(inputs, classes, samples, batch);
            History history = model.Fit(data, epochs, data);
            float[] output = [.. model.Predict(Inputs(inputs, samples), inputs.Prepend(samples)).SelectMany(row => row)];
            float[][] weights = [.. model.Parameters.Select(p => p.Value.ToArray())];
            model.Release();
            return (history, weights, output);
        }
        int live = gpu.Pool.LiveBlocks;
        var expected = Train(Device.Cpu);
        var actual = Train(gpu);
        Assert.Equal(live, gpu.Pool.LiveBlocks);
        // Sums in another order: some roundings a step, which the steps of an optimizer carry on.
        Assert.All(expected.Weights.Zip(actual.Weights), w => Assert.All(w.First.Zip(w.Second), p => Assert.Equal(p.First, p.Second, tolerance)));
        Assert.All(expected.Output.Zip(actual.Output), p => Assert.Equal(p.First, p.Second, tolerance));
        foreach (string name in new[] { "loss", "val_loss" })
            Assert.Equal(expected.History.Last(name), actual.History.Last(name), tolerance);
    }

    internal static float[] Inputs(Shape inputs, int samples)
    {
        var random = new Random(5);
        return [.. Enumerable.Range(0, samples * (int)inputs.Count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    internal static ArrayBatches Data(Shape inputs, int classes, int samples, int batch)
    {
        var random = new Random(6);
        float[] labels = [.. Enumerable.Range(0, samples).Select(_ => (float)random.Next(Math.Max(2, classes)))];
        return new ArrayBatches(Inputs(inputs, samples), inputs, labels, new Shape(1), classes > 1 ? LabelKind.Sparse : LabelKind.Binary, batch, shuffleSeed: 1);
    }
}

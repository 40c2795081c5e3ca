using Graft.Kernels;
using Graft.Kernels.Cuda;
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
        foreach (Func<Model> build in new[] { SmallVgg, SmallResNet })
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
    public void A_step_that_runs_out_of_memory_anywhere_leaves_nothing_behind_and_the_next_one_works()
    {
        emulator.Begin(nameof(A_step_that_runs_out_of_memory_anywhere_leaves_nothing_behind_and_the_next_one_works));
        using var gpu = new EmulatedGpu();
        Model model = SmallNetwork(gpu.Device);
        ArrayBatches data = Data(new Shape(6), classes: 1, samples: 8, batch: 8);
        model.Fit(data, 1); // everything is loaded and every slot is there
        int live = gpu.Device.Pool.LiveBlocks, refused = 0;
        gpu.Device.Pool.Trim(); // what was given back is still counted until the stream comes to it
        ulong held = emulator.Counter("bytes_live");
        for (ulong room = 0; ; room += 64) // bytes: each time a few more blocks fit
        {
            emulator.Configure("memory", held + room);
            try
            {
                model.Fit(data, 1);
                break;
            }
            catch (CudaOutOfMemoryException)
            {
                refused++;
            }
            Assert.Equal(live, gpu.Device.Pool.LiveBlocks);
        }
        Assert.True(refused > 10, $"{refused} steps ran out of memory.");
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Theory]
    [InlineData("launch", 701, 4)] // CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
    [InlineData("copy", 1, 4)] // CUDA_ERROR_INVALID_VALUE
    [InlineData("cublas", 13, 3)] // CUBLAS_STATUS_EXECUTION_FAILED, of the gradients
    [InlineData("cublaslt", 13, 2)] // the same, of both layers
    public void Any_call_of_a_step_may_fail_once_and_the_step_leaves_nothing_behind(string kind, int status, int fewest)
    {
        emulator.Begin($"{nameof(Any_call_of_a_step_may_fail_once_and_the_step_leaves_nothing_behind)} {kind}");
        using var gpu = new EmulatedGpu();
        Model model = SmallNetwork(gpu.Device);
        ArrayBatches data = Data(new Shape(6), classes: 1, samples: 8, batch: 8);
        model.Fit(data, 1); // everything is loaded and every slot is there
        int live = gpu.Device.Pool.LiveBlocks, failed = FailInTurn(kind, status, () => model.Fit(data, 1), () => Assert.Equal(live, gpu.Device.Pool.LiveBlocks));
        Assert.True(failed >= fewest, $"{failed} steps failed by {kind}.");
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again()
    {
        emulator.Begin(nameof(Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again));
        ArrayBatches data = Data(new Shape(6), classes: 1, samples: 8, batch: 8);
        int failed = 0;
        for (bool fails = true; fails; failed += fails ? 1 : 0)
        {
            using var gpu = new EmulatedGpu(); // nothing is compiled yet
            Model model = SmallNetwork(gpu.Device);
            emulator.Inject("compile", (ulong)(2 * failed + 1), 6); // NVRTC_ERROR_COMPILATION, at every other file
            try
            {
                model.Fit(data, 1);
                fails = false;
            }
            catch (CudaException e)
            {
                Assert.Contains("NVRTC", e.Message, StringComparison.Ordinal);
                model.Fit(data, 1);
            }
            emulator.Inject("compile", 0, 0);
            model.Optimizer!.Dispose();
            model.Release();
        }
        Assert.True(failed > 2, $"{failed} compilations failed.");
    }

    /// <summary>Lets the first, second, third ... call of a kind fail, each in a run of its own, until a run has fewer; returns how many failed.</summary>
    private int FailInTurn(string kind, int status, Action run, Action check)
    {
        for (int n = 1; ; n++)
        {
            emulator.Inject(kind, (ulong)n, status);
            try
            {
                run();
                emulator.Inject(kind, 0, 0);
                return n - 1;
            }
            catch (CudaException e)
            {
                Assert.False(e.IsSticky, e.Message);
            }
            check();
            Assert.True(n < 1000, $"The run never gets by without {n} calls of '{kind}'.");
        }
    }

    private static Sequential SmallNetwork(Device gpu)
    {
        var model = new Sequential(6) { new Dense(5, Activation.ReLU), new Dropout(0.5f), new Dense(1) };
        model.MoveTo(gpu);
        model.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy(fromLogits: true));
        return model;
    }

    [Fact]
    public void Out_of_memory_in_a_step_names_the_largest_tensors()
    {
        emulator.Begin(nameof(Out_of_memory_in_a_step_names_the_largest_tensors));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6) { new Dense(500, Activation.ReLU) { Name = "wide" }, new Dense(1) };
        model.MoveTo(gpu.Device);
        model.Compile(new Sgd(0.01f), Loss.BinaryCrossEntropy(fromLogits: true));
        ArrayBatches data = Data(new Shape(6), classes: 1, samples: 8, batch: 8);
        model.Fit(data, 1);
        gpu.Device.Pool.Trim();
        emulator.Configure("memory", emulator.Counter("bytes_live") + 17_000); // the output of the wide layer fits, what is made of it does not
        CudaOutOfMemoryException e = Assert.Throws<CudaOutOfMemoryException>(() => model.Fit(data, 1));
        Assert.Contains("The largest tensors of this step:\nwide/kernel ", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void An_op_without_a_cuda_kernel_is_named()
    {
        emulator.Begin(nameof(An_op_without_a_cuda_kernel_is_named));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(4, 3) { new LSTM(2), new Dense(1) };
        model.MoveTo(gpu.Device);
        MissingKernelException e = Assert.Throws<MissingKernelException>(() => model.Predict(new float[4 * 3], new Shape(1, 4, 3)));
        Assert.Contains("Recurrent has no CUDA kernel yet", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    /// <summary>Blocks of convolutions and max pooling, then dense layers.</summary>
    internal static Sequential SmallVgg() => new(16, 15, 3)
    {
        new Conv2D(8, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(),
        new Conv2D(12, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(12, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(),
        new Flatten(), new Dense(16, Activation.ReLU), new Dense(3, Activation.Softmax),
    };

    /// <summary>A padded stem with stride, a block with a projection beside it, a block without, an average.</summary>
    internal static Model SmallResNet()
    {
        static Node Normalized(Node x, int filters, int size, int stride) => new BatchNormalization().Apply(
            new Conv2D(filters, size, size) { Strides = (stride, stride), Padding = Padding.Same, UseBias = false }.Apply(x));
        static Node ReLU(Node x) => new Graft.Layers.ReLU().Apply(x);
        Node input = Node.Input(new Shape(16, 15, 3), "image");
        Node x = ReLU(Normalized(new ZeroPadding2D(Padding2D.All(2)).Apply(input), 8, 5, 2));
        Node block = Normalized(ReLU(Normalized(x, 8, 3, 2)), 16, 1, 1);
        x = ReLU(new Add().Apply(block, Normalized(x, 16, 1, 2)));
        x = ReLU(new Add().Apply(Normalized(ReLU(Normalized(x, 8, 3, 1)), 16, 1, 1), x));
        return new Model(input, new Dense(3, Activation.Softmax).Apply(new GlobalAveragePooling2D().Apply(x)));
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

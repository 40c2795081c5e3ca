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
        Compare(gpu.Device, inputs: 20, classes: 3, samples: 48, batch: 16, epochs: 3,
            () => new Sequential(20) { new Dense(32, Activation.ReLU), new Dropout(0.25f), new Dense(24, Activation.Tanh), new Dense(3, Activation.Softmax) },
            () => Optimizer.Create(optimizer, 0.01f), Loss.SparseCategoricalCrossEntropy());
    }

    [Fact]
    public void The_head_of_a_frozen_base_learns_as_on_the_processor()
    {
        emulator.Begin(nameof(The_head_of_a_frozen_base_learns_as_on_the_processor));
        using var gpu = new EmulatedGpu();
        // VGG16's features of a photograph of 150 x 150 pixels, and the head and optimizer of Keras's guide to transfer learning.
        Compare(gpu.Device, inputs: 8192, classes: 1, samples: 40, batch: 20, epochs: 1,
            () => new Sequential(8192) { new Dense(256, Activation.ReLU), new Dropout(0.5f), new Dense(1, Activation.Sigmoid) },
            () => new RMSprop(2e-5f), Loss.BinaryCrossEntropy());
    }

    [Fact]
    public void A_step_that_runs_out_of_memory_anywhere_leaves_nothing_behind_and_the_next_one_works()
    {
        emulator.Begin(nameof(A_step_that_runs_out_of_memory_anywhere_leaves_nothing_behind_and_the_next_one_works));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6) { new Dense(5, Activation.ReLU), new Dropout(0.5f), new Dense(1) };
        var optimizer = new Adam(0.01f);
        model.MoveTo(gpu.Device);
        model.Compile(optimizer, Loss.BinaryCrossEntropy(fromLogits: true));
        ArrayBatches data = Data(inputs: 6, classes: 1, samples: 8, batch: 8);
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
        model.Release();
        optimizer.Dispose();
    }

    [Fact]
    public void Out_of_memory_in_a_step_names_the_largest_tensors()
    {
        emulator.Begin(nameof(Out_of_memory_in_a_step_names_the_largest_tensors));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6) { new Dense(500, Activation.ReLU) { Name = "wide" }, new Dense(1) };
        model.MoveTo(gpu.Device);
        model.Compile(new Sgd(0.01f), Loss.BinaryCrossEntropy(fromLogits: true));
        ArrayBatches data = Data(inputs: 6, classes: 1, samples: 8, batch: 8);
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
        var model = new Sequential(8, 8, 3) { new Conv2D(4, 3, 3), new Flatten(), new Dense(1) };
        model.MoveTo(gpu.Device);
        MissingKernelException e = Assert.Throws<MissingKernelException>(() => model.Predict(new float[8 * 8 * 3], new Shape(1, 8, 8, 3)));
        Assert.Contains("Conv2D has no CUDA kernel yet", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    private static void Compare(Device gpu, int inputs, int classes, int samples, int batch, int epochs, Func<Model> build, Func<Optimizer> optimizer, Loss loss)
    {
        (History History, float[][] Weights, float[] Output) Train(Device device)
        {
            Model model = build();
            using Optimizer rule = optimizer();
            model.MoveTo(device);
            model.Compile(rule, loss, Metric.Accuracy);
            ArrayBatches data = Data(inputs, classes, samples, batch);
            History history = model.Fit(data, epochs, data);
            float[] output = [.. model.Predict(Inputs(inputs, samples), new Shape(samples, inputs)).SelectMany(row => row)];
            float[][] weights = [.. model.Parameters.Select(p => p.Value.ToArray())];
            model.Release();
            return (history, weights, output);
        }
        int live = gpu.Pool.LiveBlocks;
        var expected = Train(Device.Cpu);
        var actual = Train(gpu);
        Assert.Equal(live, gpu.Pool.LiveBlocks);
        // Sums in another order: some roundings a step, which the steps of an optimizer carry on.
        Assert.All(expected.Weights.Zip(actual.Weights), w => Assert.All(w.First.Zip(w.Second), p => Assert.Equal(p.First, p.Second, 2e-5)));
        Assert.All(expected.Output.Zip(actual.Output), p => Assert.Equal(p.First, p.Second, 2e-5));
        foreach (string name in new[] { "loss", "val_loss" })
            Assert.Equal(expected.History.Last(name), actual.History.Last(name), 2e-5);
    }

    private static float[] Inputs(int inputs, int samples)
    {
        var random = new Random(5);
        return [.. Enumerable.Range(0, samples * inputs).Select(_ => random.NextSingle() * 2 - 1)];
    }

    private static ArrayBatches Data(int inputs, int classes, int samples, int batch)
    {
        var random = new Random(6);
        float[] labels = [.. Enumerable.Range(0, samples).Select(_ => (float)random.Next(Math.Max(2, classes)))];
        return new ArrayBatches(Inputs(inputs, samples), new Shape(inputs), labels, new Shape(1), classes > 1 ? LabelKind.Sparse : LabelKind.Binary, batch, shuffleSeed: 1);
    }
}

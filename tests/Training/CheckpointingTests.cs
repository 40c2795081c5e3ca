using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Gradient checkpointing changes what is held, and nothing else.</summary>
[Collection(CpuThreadsCollection.Name)] // looks at the peak and the live blocks of the one pool
public sealed class CheckpointingTests
{
    private const int Side = 16, Samples = 12, BatchSize = 4;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(100)]
    public void Weights_moving_statistics_and_losses_have_the_same_bits_for_segments_of_any_length(int every)
    {
        (float[] weights, double[] losses, _) = Train(Residual(), 0);
        (float[] checkpointed, double[] sameLosses, _) = Train(Residual(), every);
        Assert.Equal(weights, checkpointed);
        Assert.Equal(losses, sameLosses);
    }

    [Fact]
    public void Threads_frozen_layers_and_accumulated_gradients_change_nothing_either()
    {
        static Model HalfFrozen()
        {
            Model model = Residual();
            model.GetLayer("stem").Trainable = model.GetLayer("stem_norm").Trainable = false;
            return model;
        }
        int threads = CpuThreads.Count;
        CpuThreads.Count = 1;
        (float[] weights, double[] losses, _) = Train(HalfFrozen(), 0, accumulation: 2);
        CpuThreads.Count = 3;
        (float[] checkpointed, double[] sameLosses, _) = Train(HalfFrozen(), 2, accumulation: 2);
        CpuThreads.Count = threads;
        Assert.Equal(weights, checkpointed);
        Assert.Equal(losses, sameLosses);
    }

    [Fact]
    public void Less_is_kept_and_the_peak_falls()
    {
        (_, _, (long kept, long peak)) = Train(Deep(), 0);
        (_, _, (long keptLess, long lowerPeak)) = Train(Deep(), 4);
        Assert.True(keptLess < 0.5 * kept, $"{keptLess} of {kept} bytes are kept"); // 16 equal layers: 4 that segments hand on, and the last 4
        Assert.True(lowerPeak < 0.8 * peak, $"the peak is {lowerPeak} of {peak} bytes"); // weights, and gradients of activations, are in both
    }

    [Fact]
    public void No_block_is_left_behind_after_a_step_or_a_cancelled_one()
    {
        Model model = Residual();
        Compile(model);
        ArrayBatches data = Data(model);
        model.Fit(data, 1, options: new FitOptions { CheckpointEvery = 2 });
        int blocks = model.Device.Pool.LiveBlocks;
        long bytes = model.Device.Pool.LiveBytes;
        model.Fit(data, 3, options: new FitOptions { CheckpointEvery = 2 });
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        Assert.Equal(bytes, model.Device.Pool.LiveBytes);

        using (var tape = new Tape(model.Device) { Training = true, CheckpointEvery = 2 })
            model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(BatchSize), new float[BatchSize * Side * Side * 3])]); // ended before backward
        Assert.Equal(blocks, model.Device.Pool.LiveBlocks);
        Release(model);
    }

    [Fact]
    public void A_result_that_was_given_back_says_so()
    {
        var model = new Sequential(4) { new Dense(3, Activation.Tanh), new Dense(3, Activation.Tanh), new Dense(1) };
        using var tape = new Tape(model.Device) { Training = true, CheckpointEvery = 1 };
        Tensor x = tape.Constant(new Shape(2, 4), new float[8]);
        Tensor inner = ((Dense)model.Layers[1]).Forward(tape, [x]);
        tape.NextLayer();
        Tensor pre = ((Dense)model.Layers[2]).Forward(tape, [inner]);
        tape.Release(inner);
        tape.Release(pre); // as a graph does whose last reader is in the same segment
        tape.NextLayer();
        Assert.Equal(6, inner.ToArray().Length); // the next segment is computed from it
        Assert.Contains("checkpointing", Assert.Throws<InvalidOperationException>(() => pre.ToArray()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Tape(model.Device) { CheckpointEvery = -1 });
        model.Release();
    }

    /// <summary>Residual blocks with everything that could be drawn or moved twice: batch normalisation, dropout, pooling, views, a nested model.</summary>
    private static Model Residual()
    {
        Node x = Node.Input(new Shape(Side, Side, 3), "image");
        Node y = Then(x, new Conv2D(8, 3, 3) { Name = "stem", Padding = Padding.Same }, new BatchNormalization { Name = "stem_norm" }, new ReLU());
        for (int block = 0; block < 2; block++)
        {
            Node branch = Then(y, new Conv2D(8, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new BatchNormalization(), new Dropout(0.2f), new Conv2D(8, 1, 1), new BatchNormalization());
            y = Then(new Add().Apply(branch, y), new ReLU());
        }
        var tail = new Sequential(Side, Side, 8) { new MaxPooling2D(2), new DepthwiseConv2D(3, 3), new Flatten(), new LayerNormalization(), new Dense(6, Activation.Tanh) };
        tail.Name = "tail";
        var model = new Model(x, Then(y, tail, new Dropout(0.3f), new Dense(1, Activation.Sigmoid)));
        model.SetSeed(5);
        return model;
    }

    private static Sequential Deep()
    {
        var model = new Sequential(Side, Side, 3);
        for (int i = 0; i < 16; i++)
            model.Add(new Conv2D(8, 3, 3) { Padding = Padding.Same, Activation = Activation.Tanh });
        model.Add(new GlobalAveragePooling2D());
        model.Add(new Dense(1, Activation.Sigmoid));
        model.SetSeed(5);
        return model;
    }

    private static Node Then(Node x, params ReadOnlySpan<Layer> layers)
    {
        foreach (Layer layer in layers)
            x = layer.Apply(x);
        return x;
    }

    private static (float[] Weights, double[] Losses, (long Kept, long Peak) Memory) Train(Model model, int every, int accumulation = 1)
    {
        Compile(model);
        ArrayBatches data = Data(model);
        model.Fit(data, 1, options: new FitOptions { CheckpointEvery = every, AccumulationSteps = accumulation });
        long before = model.Device.Pool.LiveBytes;
        model.Device.Pool.RestartPeak();
        History history = model.Fit(data, 3, options: new FitOptions { CheckpointEvery = every, AccumulationSteps = accumulation, InitialEpoch = 1 });
        var memory = (model.MemoryReport!.TotalKeptBytes, model.Device.Pool.PeakBytes - before);
        float[] weights = TrainingData.Weights(model);
        Release(model);
        return (weights, [.. history["loss"]], memory);
    }

    private static void Compile(Model model) => model.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy());

    private static ArrayBatches Data(Model model)
    {
        var random = new Random(2);
        float[] samples = [.. Enumerable.Range(0, (int)(Samples * model.Inputs[0].Shape.Count)).Select(_ => random.NextSingle() * 2 - 1)];
        return new ArrayBatches(samples, model.Inputs[0].Shape, [.. Enumerable.Range(0, Samples).Select(i => (float)(i % 2))], new Shape(1), LabelKind.Binary, BatchSize, shuffleSeed: 1);
    }

    private static void Release(Model model)
    {
        model.Optimizer!.Dispose();
        model.Release();
    }
}

using Graft.Inference;
using Graft.Kernels.Cuda;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Inference;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>What the host waits for in a training step on the emulated GPU, whose work runs late: only when something waits for it.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaOverlapTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Steps = 8;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData("dense")]
    [InlineData("frozen base")]
    [InlineData("features of the cache")]
    [InlineData("text")]
    public void A_steady_step_waits_for_its_loss_alone(string kind)
    {
        emulator.Begin($"{nameof(A_steady_step_waits_for_its_loss_alone)} {kind}");
        using var gpu = new EmulatedGpu(isOneToOne: false);
        Model model = kind == "text" ? Gpt2.Build(new Gpt2Config { VocabularySize = 31, Positions = 40, Width = 8, Blocks = 1, Heads = 2, EosToken = null }, 10) : Images();
        int samples = (int)model.Inputs[0].Shape.Count, labels = kind == "text" ? 10 : 1, batch = 2;
        if (kind is "frozen base" or "features of the cache")
            model.Layers[1].Trainable = false;
        model.MoveTo(gpu.Device);
        model.Compile(new AdamW(1e-3f), kind == "text" ? Loss.SparseCategoricalCrossEntropy(fromLogits: true) : Loss.BinaryCrossEntropy(fromLogits: true));
        var random = new Random(3);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(2))];
        var data = new ArrayBatches(Numbers(Steps * batch * samples), model.Inputs[0].Shape, Numbers(Steps * batch * labels), new Shape(labels),
            kind == "text" ? LabelKind.Sparse : LabelKind.Binary, batch, shuffleSeed: 1);
        List<ulong> waits = [];
        using var source = new CancellationTokenSource(); // as the command line has one
        History history = model.Fit(data, epochs: 2, options: new FitOptions
        {
            CancellationToken = source.Token,
            FeatureCache = kind == "features of the cache" ? FeatureCacheOptions.Default : FeatureCacheOptions.Off,
            Callbacks = [new LambdaCallback { BatchEnd = (_, _) => waits.Add(emulator.Counter("synchronisations")) }],
        });
        Assert.Equal(2 * Steps, waits.Count);
        for (int i = Steps + 2; i < waits.Count; i++) // buffers are there, and features in the cache
            Assert.Equal(1ul, waits[i] - waits[i - 1]);
        Assert.Equal(kind == "features of the cache", history.Notes.Any(n => n.Contains("taken from the cache", StringComparison.Ordinal)));
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void A_batch_is_on_its_way_before_the_step_before_it_has_ended()
    {
        emulator.Begin(nameof(A_batch_is_on_its_way_before_the_step_before_it_has_ended));
        using var gpu = new EmulatedGpu(isOneToOne: false);
        Tensor x = Tensor.Zeros(gpu.Device, new Shape(1 << 20)), y = Tensor.Zeros(gpu.Device, x.Shape);
        Tensor.From(gpu.Device, x.Shape, new float[1 << 20]).Release(); // buffers and kernels are there
        gpu.Kernels.Memory.Accumulate(x.Data, y.Data, x.Count, 1);
        _ = y.ToArray();
        emulator.ResetCounters();
        gpu.Kernels.Memory.Accumulate(x.Data, y.Data, x.Count, 1); // the step: nothing has waited for it, so it has not run
        float[] batch = [.. Enumerable.Repeat(2f, 1 << 20)];
        gpu.Kernels.Memory.Upload<float>(batch, x.Data);
        Array.Clear(batch); // the host goes on with its memory
        Assert.Equal((0ul, 0ul), (emulator.Counter("launches"), emulator.Counter("synchronisations")));
        Assert.Equal(new float[1 << 20], y.ToArray());
        Assert.Equal(2, x.ToArray()[^1]);
        x.Release();
        y.Release();
    }

    [Fact]
    public void A_token_outside_of_the_vocabulary_ends_a_step_before_any_weight_moves()
    {
        emulator.Begin(nameof(A_token_outside_of_the_vocabulary_ends_a_step_before_any_weight_moves));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(3) { new Embedding(10, 4), new Flatten(), new Dense(1) };
        model.MoveTo(gpu.Device);
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy(fromLogits: true));
        ArrayBatches Data(float wrong) => new([1, 2, 3, 4, wrong, 6], new Shape(3), [0, 1], new Shape(1), LabelKind.Binary, batchSize: 2);
        model.Fit(Data(5), 1);
        float[][] before = [.. model.Parameters.Select(p => p.Value.ToArray())];
        int live = gpu.Device.Pool.LiveBlocks;
        GraftException e = Assert.Throws<GraftException>(() => model.Fit(Data(10), 1));
        Assert.Contains("Embedding: id 10 at position 4 of ids [2,3] is not a row of table [10,4]", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, model.Parameters.Select(p => p.Value.ToArray()));
        Assert.Equal(live, gpu.Device.Pool.LiveBlocks);
        model.Fit(Data(5), 1);
        Assert.All(model.Parameters.SelectMany(p => p.Value.ToArray()), v => Assert.True(float.IsFinite(v)));
        model.Optimizer!.Dispose();
        model.Release();
    }

    /// <summary>Enough work behind the frozen layer that its features are worth keeping; a batch is more than a small copy.</summary>
    private static Sequential Images() => new(8192) { new Dense(64, Activation.ReLU), new Dense(1) };
}

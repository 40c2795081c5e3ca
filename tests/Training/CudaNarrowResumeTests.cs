using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Golden;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>A training in 16 bits that is ended early and gone on with in a new model ends in the same bits, on the emulated GPU.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowResumeTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Epochs = 2, FirstScale = 1 << 21;

    private readonly TemporaryFiles _files = new();

    private string State => _files["training.graft"];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        _files.Dispose();
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData("residual", ComputePrecision.BFloat16)]
    [InlineData("residual", ComputePrecision.Float16)]
    [InlineData("GPT-2", ComputePrecision.BFloat16)]
    [InlineData("GPT-2", ComputePrecision.Float16)]
    public void Ended_early_it_ends_in_the_same_bits(string network, ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Ended_early_it_ends_in_the_same_bits)} {network} {precision}");
        using var gpu = new EmulatedGpu(isOneToOne: false);
        ArrayBatches data = Data(network);
        (float[] whole, LossScale? scale) = Run(gpu.Device, network, data, precision);
        if (precision == ComputePrecision.Float16)
            Assert.True(scale is { Skipped: > 0 and < 8 } && scale.Value == FirstScale / MathF.Pow(2, scale.Skipped), $"{scale?.Skipped} steps were left out."); // of ten; the others moved the weights
        foreach (int ended in new[] { 2, data.BatchesPerEpoch, data.BatchesPerEpoch + 3 }) // while a loss scale may fall still, between two epochs, and within one
        {
            using var cancel = new CancellationTokenSource();
            int steps = 0;
            var checkpoint = new TrainingCheckpoint(State, everySteps: 1);
            var stop = new LambdaCallback { BatchEnd = (_, _) => { if (++steps == ended) cancel.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => Run(gpu.Device, network, data, precision, [checkpoint, stop], cancellation: cancel.Token));
            if (!File.Exists(State))
                continue; // no step has moved anything yet
            (float[] resumed, LossScale? after) = Run(gpu.Device, network, data, precision, resumes: true);
            Assert.Equal(whole, resumed);
            Assert.Equal((scale?.Value, scale?.Skipped), (after?.Value, after?.Skipped));
        }
        Assert.True(File.Exists(State));
    }

    /// <summary>Trains a new model, from the start or from where the file has it.</summary>
    private (float[] Weights, LossScale? Scale) Run(Device gpu, string network, ArrayBatches data, ComputePrecision precision, Callback[]? callbacks = null, bool resumes = false,
        CancellationToken cancellation = default)
    {
        int live = gpu.Pool.LiveBlocks;
        Model model = network == "GPT-2" ? TinyText.Model(dropout: 0.1f) : CudaTrainingTests.SmallResNet(8, 7, 2);
        model.SetSeed(resumes ? 9 : 3);
        model.MoveTo(gpu);
        var optimizer = new AdamW(0.01f);
        model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: network == "GPT-2"));
        try
        {
            if (!resumes && precision == ComputePrecision.Float16)
                optimizer.LossScale = new LossScale { State = [FirstScale, 0, 0, 0] }; // the first steps overflow
            (History history, int epoch, int batch) = resumes ? TrainingCheckpoint.Restore(model, State, data) : (new History(), 0, 0);
            model.Fit(data, Epochs, options: new FitOptions
            {
                Precision = precision, History = history, InitialEpoch = epoch, InitialBatch = batch, Callbacks = callbacks ?? [], CancellationToken = cancellation,
            });
            return (TinyText.Weights(model), optimizer.LossScale);
        }
        finally
        {
            optimizer.Dispose();
            model.Release();
            Assert.Equal(live, gpu.Pool.LiveBlocks);
        }
    }

    private static ArrayBatches Data(string network)
    {
        if (network != "GPT-2")
            return CudaTrainingTests.Data(new Shape(8, 7, 3), classes: 3, samples: 10, batch: 2);
        float[] ids = [.. Enumerable.Range(0, 10 * TinyText.Length).Select(i => (float)(i * i % 7))];
        return new ArrayBatches(ids, new Shape(TinyText.Length), ids, new Shape(TinyText.Length), LabelKind.Sparse, batchSize: 2, shuffleSeed: 4);
    }
}

using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Training in mixed precision on the emulated GPU: as in float32 but for roundings, with a scaled loss in fp16.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPrecisionTrainingTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    // Six steps: a loss near 1 whose last digits follow from weights that were moved by gradients with those roundings.
    [InlineData(ComputePrecision.TF32, "vgg", 2e-3)]
    [InlineData(ComputePrecision.BFloat16, "vgg", 0.02)]
    [InlineData(ComputePrecision.Float16, "vgg", 2e-3)]
    [InlineData(ComputePrecision.BFloat16, "resnet", 0.02)]
    [InlineData(ComputePrecision.Float16, "resnet", 5e-3)]
    public void A_small_network_learns_to_nearly_the_same_loss(ComputePrecision precision, string network, double tolerance)
    {
        emulator.Begin($"{nameof(A_small_network_learns_to_nearly_the_same_loss)} {precision} {network}");
        using var gpu = new EmulatedGpu();
        const int steps = 6;
        (History History, float[] Weights) Train(ComputePrecision p)
        {
            Model model = network == "vgg" ? CudaTrainingTests.SmallVgg() : CudaTrainingTests.SmallResNet();
            model.SetSeed(3);
            model.MoveTo(gpu.Device);
            model.Compile(new Sgd(0.05f, momentum: 0.9f), Loss.SparseCategoricalCrossEntropy());
            ArrayBatches data = CudaTrainingTests.Data(new Shape(16, 15, 3), classes: 3, samples: 12, batch: 12);
            var history = new History();
            for (int epoch = 0; model.Optimizer!.Iterations < steps; epoch++) // steps that are left out are made up for
                history = model.Fit(data, epoch + 1, options: new FitOptions { Precision = p, InitialEpoch = epoch, History = history });
            Assert.Equal(p != ComputePrecision.Float32, model.Summary().Contains($"training {p.Word()}", StringComparison.Ordinal));
            Assert.Equal(steps + (model.Optimizer.LossScale?.Skipped ?? 0), history.Epochs.Count);
            float[] weights = [.. model.Parameters.SelectMany(x => x.Value.ToArray())];
            model.Optimizer!.Dispose();
            model.Release();
            return (history, weights);
        }
        int live = gpu.Device.Pool.LiveBlocks;
        (History exact, float[] expected) = Train(ComputePrecision.Float32);
        (History history, float[] weights) = Train(precision);
        Assert.Equal(live, gpu.Device.Pool.LiveBlocks);
        Assert.Equal(exact.Last("loss"), history.Last("loss"), tolerance);
        Assert.True(history.Last("loss") < history["loss"][0], "it learns");
        Assert.NotEqual(expected, weights); // something was rounded
        Assert.Contains(history.Notes, n => n.StartsWith($"Products of what is trained in {precision.Word()}, weights and sums in float32;", StringComparison.Ordinal));
        Assert.DoesNotContain(exact.Notes, n => n.StartsWith("Products", StringComparison.Ordinal));
        if (precision == ComputePrecision.Float16)
            Assert.Equal(history.Last("loss_scale"), 65536 / Math.Pow(2, history.Last("skipped_steps")));
        else
            Assert.DoesNotContain("loss_scale", history.Names);
    }

    [Fact]
    public void A_step_that_overflows_moves_nothing_and_halves_the_scale_until_steps_are_good()
    {
        emulator.Begin(nameof(A_step_that_overflows_moves_nothing_and_halves_the_scale_until_steps_are_good));
        using var gpu = new EmulatedGpu();
        Sequential model = Line(gpu.Device, weight: 0, rate: 0.25f);
        ArrayBatches data = Line(target: 8); // dy = 2 (0 - 8) / 1: with 65536 beyond fp16's 65504; with 2048 within
        float before = model.Parameters[0].Value.ToArray()[0];
        History history = model.Fit(data, 1, options: new FitOptions { Precision = ComputePrecision.Float16 });
        Assert.Equal((32768, 1, 0L), (history.Last("loss_scale"), history.Last("skipped_steps"), model.Optimizer!.Iterations));
        Assert.Equal(before, model.Parameters[0].Value.ToArray()[0]);
        history = model.Fit(data, 10, options: new FitOptions { Precision = ComputePrecision.Float16, InitialEpoch = 1, History = history });
        Assert.Equal([32768, 16384, 8192, 4096, 2048, 2048], history["loss_scale"].Take(6)); // 16 x 2048 fits: the sixth step is the first to move
        Assert.Equal(5, history["skipped_steps"][5]);
        Assert.Equal(10 - 5, model.Optimizer!.Iterations);
        Assert.True(history.Last("loss") < history["loss"][0]);
        Assert.Contains(history.Notes, n => n.EndsWith("; loss scale 2048 at the end, 5 steps left out as their gradients were not finite.", StringComparison.Ordinal));
        Assert.Contains("(loss scale 2048, 5 steps left out)", model.Summary(), StringComparison.Ordinal);
        model.Optimizer.Dispose();
        model.Release();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)] // the first of two batches is a good one
    public void A_step_whose_activations_overflow_moves_no_statistics_either(int batches)
    {
        emulator.Begin($"{nameof(A_step_whose_activations_overflow_moves_no_statistics_either)} {batches}");
        using var gpu = new EmulatedGpu();
        var model = new Sequential(2, 2, 8) { new Conv2D(8, 1, 1), new BatchNormalization(), new Flatten(), new Dense(1) };
        model.SetSeed(1);
        model.MoveTo(gpu.Device);
        model.Compile(new Sgd(1e-3f), Loss.MeanSquaredError());
        float[] Numbers() => [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        float[] before = Numbers();
        float[] images = [.. Enumerable.Range(0, batches * 2 * 32).Select(i => (i < (batches - 1) * 64 ? 1 : 6e4f) * (i % 5 - 2) / 2)]; // sums of eight pass 65504
        var data = new ArrayBatches(images, new Shape(2, 2, 8), new float[2 * batches], new Shape(1), LabelKind.Values, batchSize: 2, shuffleSeed: null);
        model.Fit(data, 1, options: new FitOptions { Precision = ComputePrecision.Float16, AccumulationSteps = batches });
        Assert.Equal((1, 0), (model.Optimizer!.LossScale!.Skipped, model.Optimizer.Iterations));
        Assert.Equal(before, Numbers());
        model.Optimizer.Dispose();
        model.Release();
    }

    [Fact]
    public void Gradients_too_small_for_fp16_move_weights_by_way_of_the_scale()
    {
        emulator.Begin(nameof(Gradients_too_small_for_fp16_move_weights_by_way_of_the_scale));
        using var gpu = new EmulatedGpu();
        Sequential model = Line(gpu.Device, weight: 0);
        const float target = 1e-8f; // half of fp16's smallest number is 3e-8
        model.Fit(Line(target), 1, options: new FitOptions { Precision = ComputePrecision.Float16 });
        Assert.Equal(2 * target, model.Parameters[0].Value.ToArray()[0], 1e-10); // w - 1 (2 (0 - target)), with three digits
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Master_weights_keep_steps_that_are_below_their_own_rounding(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Master_weights_keep_steps_that_are_below_their_own_rounding)} {precision}");
        using var gpu = new EmulatedGpu();
        Sequential model = Line(gpu.Device, weight: 1, rate: 4e-5f);
        model.Fit(Line(target: 1.25f), 8, options: new FitOptions { Precision = precision });
        // Each step adds 2e-5, a hundredth of what 16 bits of precision tell apart at 1; the product sees 1 throughout, so that all steps are alike.
        Assert.Equal(1 + 8 * 2e-5f, model.Parameters[0].Value.ToArray()[0], 1e-6);
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void Norms_are_clipped_as_those_of_the_gradients_before_they_were_scaled()
    {
        emulator.Begin(nameof(Norms_are_clipped_as_those_of_the_gradients_before_they_were_scaled));
        using var gpu = new EmulatedGpu();
        foreach (var (clip, step) in new[] { (0.25f, 0.25f), (10f, 0.5f) }) // the gradient is 2 (0.75 - 1) = -0.5
        {
            Sequential model = Line(gpu.Device, weight: 0.75f, clip: clip);
            model.Fit(Line(target: 1), 1, options: new FitOptions { Precision = ComputePrecision.Float16 });
            Assert.Equal(0.75f + step, model.Parameters[0].Value.ToArray()[0], 1e-4);
            model.Optimizer!.Dispose();
            model.Release();
        }
    }

    [Fact]
    public void A_saved_training_goes_on_with_its_scale_and_at_its_place()
    {
        emulator.Begin(nameof(A_saved_training_goes_on_with_its_scale_and_at_its_place));
        using var gpu = new EmulatedGpu();
        using var files = new Golden.TemporaryFiles();
        string path = files["half.graft"];
        Sequential model = Line(gpu.Device, weight: 0);
        ArrayBatches data = Line(target: 8);
        model.Fit(data, 3, options: new FitOptions { Precision = ComputePrecision.Float16, Callbacks = [new TrainingCheckpoint(path)] });
        Sequential other = Line(gpu.Device, weight: 5);
        (_, int epoch, int batch) = TrainingCheckpoint.Restore(other, path, data);
        Assert.Equal((3, 0), (epoch, batch)); // all three were left out
        Assert.Equal((8192f, 3L), (other.Optimizer!.LossScale!.Value, other.Optimizer.LossScale.Skipped));
        foreach (Sequential each in new[] { model, other })
            each.Fit(data, 9, options: new FitOptions { Precision = ComputePrecision.Float16, InitialEpoch = 3 });
        Assert.Equal(model.Parameters[0].Value.ToArray(), other.Parameters[0].Value.ToArray());
        foreach (Sequential each in new[] { model, other })
        {
            each.Optimizer!.Dispose();
            each.Release();
        }
    }

    [Fact]
    public void The_scale_doubles_after_2000_good_steps_in_a_row()
    {
        var scale = new LossScale();
        for (int i = 0; i < 1999; i++)
            scale.Note(isFinite: true);
        Assert.Equal(65536, scale.Value);
        scale.Note(isFinite: false);
        Assert.Equal((32768f, 1L), (scale.Value, scale.Skipped));
        for (int i = 0; i < 1999; i++)
            scale.Note(isFinite: true);
        Assert.Equal(32768, scale.Value); // counted anew
        scale.Note(isFinite: true);
        Assert.Equal(65536, scale.Value);
        var other = new LossScale { State = scale.State };
        Assert.Equal((scale.Value, scale.Skipped), (other.Value, other.Skipped));
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void A_processor_refuses_before_the_first_epoch(ComputePrecision precision)
    {
        var model = new Sequential(1) { new Dense(1) };
        model.Compile(new Sgd(1), Loss.MeanSquaredError());
        model.MoveTo(Device.Cpu);
        GraftException e = Assert.Throws<GraftException>(() => model.Fit(Line(target: 1), 1, options: new FitOptions { Precision = precision }));
        Assert.Contains($"cpu computes in float32 alone, not in {precision.Word()}", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void Gradient_checkpointing_and_accumulation_keep_to_the_precision()
    {
        emulator.Begin(nameof(Gradient_checkpointing_and_accumulation_keep_to_the_precision));
        using var gpu = new EmulatedGpu();
        float[] Train(int checkpointEvery)
        {
            Model model = CudaTrainingTests.SmallVgg();
            model.SetSeed(3);
            model.MoveTo(gpu.Device);
            model.Compile(new Adam(0.01f), Loss.SparseCategoricalCrossEntropy());
            ArrayBatches data = CudaTrainingTests.Data(new Shape(16, 15, 3), classes: 3, samples: 12, batch: 3);
            model.Fit(data, 4, options: new FitOptions { Precision = ComputePrecision.Float16, CheckpointEvery = checkpointEvery, AccumulationSteps = 2 });
            Assert.Equal(8, model.Optimizer!.Iterations + model.Optimizer.LossScale!.Skipped);
            Assert.True(model.Optimizer.Iterations > 2, "some steps are good");
            float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
            model.Optimizer.Dispose();
            model.Release();
            return weights;
        }
        Assert.Equal(Train(0), Train(2));
    }

    /// <summary>y = w x, by gradient descent.</summary>
    private static Sequential Line(Device device, float weight, float rate = 1, float? clip = null)
    {
        var model = new Sequential(1) { new Dense(1) { UseBias = false } };
        model.MoveTo(device);
        model.Parameters[0].Set([weight]);
        model.Compile(new Sgd(rate) { GlobalClipNorm = clip }, Loss.MeanSquaredError());
        return model;
    }

    /// <summary>One sample, x = 1.</summary>
    private static ArrayBatches Line(float target) => new([1], new Shape(1), [target], new Shape(1), LabelKind.Values, batchSize: 1, shuffleSeed: null);
}

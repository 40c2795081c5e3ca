using Graft.Adapters;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Models;
using Graft.Ops;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Training steps of GPT-2 in 16 bits on the emulated GPU: which tensors have 16 bits, which numbers that gives, and what is read and written.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowTransformerTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Length = 10, Width = 16, Classes = 2, Padding = 3;

    private static readonly Gpt2Config s_config = new() { VocabularySize = 31, Positions = 40, Width = Width, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16, "full")]
    [InlineData(ComputePrecision.Float16, "full")]
    [InlineData(ComputePrecision.BFloat16, "last block")]
    [InlineData(ComputePrecision.Float16, "last block")]
    [InlineData(ComputePrecision.BFloat16, "adapters")]
    [InlineData(ComputePrecision.Float16, "adapters")]
    [InlineData(ComputePrecision.BFloat16, "untied")]
    [InlineData(ComputePrecision.BFloat16, "classes")]
    [InlineData(ComputePrecision.Float16, "classes")]
    public void GPT_2_learns_to_nearly_the_loss_of_float32(ComputePrecision precision, string variant)
    {
        emulator.Begin($"{nameof(GPT_2_learns_to_nearly_the_loss_of_float32)} {precision} {variant}");
        using var gpu = new EmulatedGpu();
        (History exact, float[] expected, _) = Train(gpu.Device, ComputePrecision.Float32, variant);
        emulator.ResetCounters();
        (History history, float[] weights, MemoryReport report) = Train(gpu.Device, precision, variant);
        // The loss is near 3, of weights that some steps moved by gradients with 8 or 11 bits; a step in float32 moves it by some hundredths.
        double tolerance = precision == ComputePrecision.BFloat16 ? 0.03 : 0.005;
        Assert.All(exact["loss"].Zip(history["loss"]), p => Assert.Equal(p.First, p.Second, tolerance));
        Assert.True(history.Last("loss") < history["loss"][0], "it learns");
        Assert.NotEqual(expected, weights);
        HeldTensor[] kept = [.. report.Tensors.Where(t => t.Use == MemoryUse.Activation)];
        Assert.Equal(["CausalAttention", "Dense", "GeluTanh"], OfBytes(2, "CausalAttention", "Dense", "GeluTanh", "LayerNorm"));
        Assert.Equal(["LayerNorm"], OfBytes(4, "Dense", "GeluTanh", "LayerNorm")); // what it keeps is the residual path
        Assert.All(report.Tensors.Where(t => t.Use is MemoryUse.Parameter or MemoryUse.Gradient or MemoryUse.OptimizerSlot), t => Assert.Equal(4 * t.Shape.Count, t.Bytes));
        if (!CudaEmulator.CudaEmulator.UsesHardware) // a GPU does not count what runs
            AssertKernels(precision);
        string[] OfBytes(int each, params string[] ops) => [.. ops.Where(op => kept.Any(t => t.Path.EndsWith($"/{op}", StringComparison.Ordinal) && t.Bytes == each * t.Shape.Count))];
    }

    // Between the embedding and the loss, nothing but the residual path is float32.
    private void AssertKernels(ComputePrecision precision)
    {
        Assert.All(new[] { "softmax_cross_entropy_forward", "softmax_cross_entropy_backward", "attention_delta", "layer_norm_forward_block", "layer_norm_backward_block", "layer_norm_scale" },
            kernel => Assert.Equal(0UL, emulator.Counter($"launches:{kernel}")));
        Assert.All(new[] { $"softmax_cross_entropy_backward_{precision.Word()}", $"attention_delta_{precision.Word()}", $"layer_norm_backward_float_block_{precision.Word()}" },
            kernel => Assert.True(emulator.Counter($"launches:{kernel}") > 0, kernel));
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Gradient_checkpointing_of_GPT_2_changes_no_bit(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Gradient_checkpointing_of_GPT_2_changes_no_bit)} {precision}");
        using var gpu = new EmulatedGpu();
        float[] Weights(string variant, int every = 0, int epochs = 2) => Train(gpu.Device, precision, variant, every, epochs: epochs).Weights;
        float[] weights = Weights("full");
        Assert.NotEqual(Weights("full", epochs: 1), weights); // no loss scale leaves out the last steps
        foreach (int every in new[] { 1, 3, 7 })
            Assert.Equal(weights, Weights("full", every));
        Assert.Equal(Weights("adapters"), Weights("adapters", 2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_sum_is_float32_where_a_summand_is_and_nobody_else_rounds_it(bool isRounded)
    {
        emulator.Begin($"{nameof(A_sum_is_float32_where_a_summand_is_and_nobody_else_rounds_it)} {isRounded}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        float[] x = [1 + 1 / 1024f, -2, 3, 0.5f], dy = [1 + 1 / 512f, 2, -1, 4];
        foreach (bool isFirst in new[] { true, false })
        {
            using var tape = new Tape(gpu.Device) { Precision = ComputePrecision.BFloat16 };
            Tensor given = tape.Constant(new Shape(1, 4), x), weight = tape.Constant(new Shape(4, 4), [.. Enumerable.Range(0, 16).Select(i => i % 5 == 0 ? 1f : 0)]);
            tape.Watch(given);
            Tensor read = isRounded ? given : tape.Run(new UnaryOp(UnaryFormula.Negate), given); // float32 of its own
            Tensor branch = tape.Run(new DenseOp(), read, weight);
            Tensor sum = isFirst ? tape.Run(new BinaryOp(BinaryFormula.Add), given, branch) : tape.Run(new BinaryOp(BinaryFormula.Add), branch, given);
            Assert.Equal(isRounded ? DType.BFloat16 : DType.Float32, sum.Type);
            Assert.Equal(isRounded ? [2, -4, 6, 1] : [1 / 1024f, 0, 0, 0], sum.ToArray());
            tape.Backward(sum, dy);
            Assert.Equal(isRounded ? [2, 4, -2, 8] : [1 / 512f, 0, 0, 0], tape.Gradient(given)!.ToArray()); // what comes by the branch was rounded
        }
    }

    [Fact]
    public void A_weight_is_rounded_once_a_step_and_anew_where_it_has_changed()
    {
        emulator.Begin(nameof(A_weight_is_rounded_once_a_step_and_anew_where_it_has_changed));
        using var gpu = new EmulatedGpu();
        ulong Roundings() => emulator.Counter("launches:round_packs_bf16") + emulator.Counter("launches:round_bf16");
        using var tape = new Tape(gpu.Device) { Precision = ComputePrecision.BFloat16 };
        Tensor x = tape.Constant(new Shape(2, 8), [.. Enumerable.Range(0, 16).Select(i => i / 4f)]), weight = tape.Constant(new Shape(8, 8), [.. Enumerable.Range(0, 64).Select(i => i % 9 == 0 ? 1f : 0)]);
        tape.Watch(weight);
        tape.Watch(x);
        Tensor y = tape.Run(new DenseOp(), tape.Run(new DenseOp(), x, weight), weight);
        Assert.Equal(x.ToArray(), y.ToArray());
        Assert.Equal(2UL, Roundings()); // of x and of the weight
        weight.Set(Array.ConvertAll(weight.ToArray(), w => 2 * w));
        Tensor twice = tape.Run(new DenseOp(), y, weight);
        Assert.Equal(Array.ConvertAll(x.ToArray(), v => 2 * v), twice.ToArray());
        tape.Backward(twice, [.. Enumerable.Repeat(1f, 16)]);
        Assert.Equal(Enumerable.Repeat(8f, 16), tape.Gradient(x)!.ToArray()); // three layers, of the weight as it is now
        Assert.Equal(3UL, Roundings());
    }

    [Fact]
    public void A_steady_step_of_GPT_2_takes_no_memory_and_waits_once()
    {
        emulator.Begin(nameof(A_steady_step_of_GPT_2_takes_no_memory_and_waits_once));
        using var gpu = new EmulatedGpu(isOneToOne: false);
        List<(ulong Allocations, ulong Waits)> steps = [];
        Train(gpu.Device, ComputePrecision.BFloat16, "full", batchEnd: () => steps.Add((emulator.Counter("allocations"), emulator.Counter("synchronisations"))), epochs: 1, samples: 16);
        Assert.Equal(8, steps.Count);
        for (int i = 4; i < steps.Count; i++)
            Assert.Equal((0UL, 1UL), (steps[i].Allocations - steps[i - 1].Allocations, steps[i].Waits - steps[i - 1].Waits));
    }

    [Fact]
    public void A_block_of_GPT_2_moves_two_thirds_of_the_bytes_of_TF32()
    {
        emulator.BeginEmulated(nameof(A_block_of_GPT_2_moves_two_thirds_of_the_bytes_of_TF32), "it counts bytes");
        (emulator.Checked, emulator.Progress) = (true, EmulatorProgress.AtOnce);
        using var gpu = new EmulatedGpu(isOneToOne: false);
        (long Bytes, long Calls) One(ComputePrecision precision)
        {
            (long Bytes, long Calls) one = Step(1, precision), two = Step(2, precision);
            return (two.Bytes - one.Bytes, two.Calls - one.Calls);
        }
        (long bytes, _) = One(ComputePrecision.TF32); // the same routines on float32
        (long narrowBytes, long narrowCalls) = One(ComputePrecision.BFloat16);
        Assert.InRange(narrowBytes / (double)bytes, 0.6, 0.66); // half, the residual path, gradients of weights and the optimizer
        Assert.Equal(46, narrowCalls);

        // Of the last step, when everything is there: all that kernels, libraries and copies read and wrote, each byte once a call.
        (long Bytes, long Calls) Step(int blocks, ComputePrecision precision)
        {
            const int tokens = 64, width = 64;
            Gpt2 gpt = Gpt2.Build(s_config with { Width = width, Blocks = blocks, Positions = tokens, EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0 }, tokens);
            gpt.MoveTo(gpu.Device);
            using var optimizer = new Sgd(0.01f);
            gpt.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            float[] ids = Numbers(8 * tokens, s_config.VocabularySize);
            List<(ulong Bytes, ulong Calls)> steps = [];
            ulong Calls() => emulator.Counter("launches") + emulator.Counter("cublas_calls");
            gpt.Fit(new ArrayBatches(ids, new Shape(tokens), ids, new Shape(tokens), LabelKind.Sparse, batchSize: 4, shuffleSeed: null), 1, options: new FitOptions
            {
                Precision = precision,
                Callbacks = [new LambdaCallback { BatchEnd = (_, _) => steps.Add((emulator.Counter("bytes_touched"), Calls())) }],
            });
            gpt.Release();
            return ((long)(steps[1].Bytes - steps[0].Bytes), (long)(steps[1].Calls - steps[0].Calls));
        }
    }

    /// <summary>Five epochs of two steps; losses, weights afterwards and what the last step held.</summary>
    private static (History History, float[] Weights, MemoryReport Report) Train(Device device, ComputePrecision precision, string variant, int checkpointEvery = 0, Action? batchEnd = null, int epochs = 5,
        int samples = 4)
    {
        int live = device.Pool.LiveBlocks;
        Gpt2 gpt = Gpt2.Build(s_config with { TieEmbeddings = variant != "untied" }, Length);
        Model model = variant == "classes" ? Gpt2Classifier.On(gpt, ["a", "b"], Padding) : gpt;
        model.SetSeed(3);
        if (variant == "last block")
            gpt.Freeze(1);
        if (variant == "adapters")
            Lora.Attach(gpt, new LoraConfig { Rank = 4, Alpha = 8, Dropout = 0.1f, TargetModules = ["c_attn", "c_fc"] });
        model.MoveTo(device);
        using var optimizer = new AdamW(1e-2f);
        model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: true));
        float[] ids = Numbers(samples * (Length + 1), s_config.VocabularySize);
        float[] Part(int start) => [.. Enumerable.Range(0, samples).SelectMany(r => ids.Skip(r * (Length + 1) + start).Take(Length))];
        ArrayBatches data = variant == "classes"
            ? new ArrayBatches(Part(0), new Shape(Length), Numbers(samples, Classes), new Shape(1), LabelKind.Sparse, batchSize: 2, shuffleSeed: 5)
            : new ArrayBatches(Part(0), new Shape(Length), Part(1), new Shape(Length), LabelKind.Sparse, batchSize: 2, shuffleSeed: 5);
        History history = model.Fit(data, epochs, options: new FitOptions
        {
            Precision = precision,
            CheckpointEvery = checkpointEvery,
            Callbacks = batchEnd is null ? [] : [new LambdaCallback { BatchEnd = (_, _) => batchEnd() }],
        });
        float[] weights = [.. model.Parameters.Distinct().SelectMany(p => p.Value.ToArray())];
        Assert.All(weights, w => Assert.True(float.IsFinite(w)));
        MemoryReport report = model.MemoryReport!;
        optimizer.Dispose();
        model.Release();
        Assert.Equal(live, device.Pool.LiveBlocks);
        return (history, weights, report);
    }

    private static float[] Numbers(int count, int below)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(below))];
    }
}

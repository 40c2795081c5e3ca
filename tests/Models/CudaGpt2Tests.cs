using Graft.Adapters;
using Graft.Kernels;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>GPT-2 on the emulated GPU: it learns, generates and is adapted as on the processor.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGpt2Tests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Length = 10, Width = 16;

    /// <summary>Sums in another order: some roundings a step, which ten steps of 0.01 carry on.</summary>
    private const double Tolerance = 1e-4;

    private static readonly Gpt2Config Config = new() { VocabularySize = 31, Positions = 40, Width = Width, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData("full", "adamw_full_final")]
    [InlineData("last_block_and_ln_f", "adamw_last_block_and_ln_f_final")]
    public void Ten_steps_of_AdamW_move_the_weights_where_PyTorch_moves_them(string variant, string final)
    {
        emulator.Begin($"{nameof(Ten_steps_of_AdamW_move_the_weights_where_PyTorch_moves_them)} {variant}");
        using var gpu = new EmulatedGpu(isOneToOne: false);
        Gpt2TrainingTests.TrainAsPyTorch(gpu.Device, variant, final);
    }

    [Fact]
    public void Ten_steps_of_AdamW_with_dropout_end_where_the_processor_ends()
    {
        emulator.Begin(nameof(Ten_steps_of_AdamW_with_dropout_end_where_the_processor_ends));
        using var gpu = new EmulatedGpu();
        Compare(gpu.Device, () => Gpt2.Build(Config, Length), Texts);
    }

    [Fact]
    public void Adapters_learn_as_on_the_processor_and_are_merged_as_there()
    {
        emulator.Begin(nameof(Adapters_learn_as_on_the_processor_and_are_merged_as_there));
        using var gpu = new EmulatedGpu();
        Compare(gpu.Device, () => Gpt2.Build(Config, Length), Texts,
            gpt => Lora.Attach(gpt, new LoraConfig { Rank = 2, Alpha = 4, Dropout = 0.1f, TargetModules = ["c_attn", "c_fc"] }), Lora.Merge);
    }

    [Fact]
    public void A_head_for_classes_learns_as_on_the_processor()
    {
        emulator.Begin(nameof(A_head_for_classes_learns_as_on_the_processor));
        using var gpu = new EmulatedGpu();
        Compare(gpu.Device, () => Gpt2Classifier.On(Gpt2.Build(Config, Length), ["a", "b"], padToken: 3), () =>
            new ArrayBatches(Numbers(4 * Length), new Shape(Length), [0, 1, 1, 0], new Shape(1), LabelKind.Sparse, batchSize: 2, shuffleSeed: 5));
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, 1)]
    [InlineData(WeightPrecision.BFloat16, 1)]
    [InlineData(WeightPrecision.Int8, 1)]
    [InlineData(WeightPrecision.Float32, 3)]
    public void The_tokens_of_a_text_are_the_processors(WeightPrecision precision, int beams)
    {
        emulator.Begin($"{nameof(The_tokens_of_a_text_are_the_processors)} {precision} {beams}");
        using var gpu = new EmulatedGpu();
        int[][] prompts = [[5, 17, 30, 2, 4], [8], [7, 3, 3]];
        var options = new GenerationOptions { MaxLength = 24, NumBeams = beams, RepetitionPenalty = 1.3f, EosTokenIds = [] };
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.Precision = precision;
        string[] Texts() => [.. gpt.Generate(prompts, options).Sequences.Select(s => string.Join(' ', s.Tokens))];
        string[] expected = Texts();
        gpt.MoveTo(gpu.Device);
        Assert.Equal(expected, Texts());
        Assert.True(expected.SelectMany(t => t.Split(' ')).Distinct().Count() > 8, "The texts say too little to compare.");
        gpt.Release();
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void A_token_allocates_nothing_once_the_session_has_read_one(WeightPrecision precision)
    {
        emulator.Begin($"{nameof(A_token_allocates_nothing_once_the_session_has_read_one)} {precision}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.Precision = precision;
        gpt.MoveTo(gpu.Device);
        using (CausalSession session = gpt.Open(2, 13))
        {
            var logits = new float[2 * Config.VocabularySize];
            session.Read([[1, 2, 3], [4, 5, 6]], logits);
            for (int i = 0; i < 2; i++) // as ever, and recorded
                session.Read([[7], [8]], logits);
            emulator.ResetCounters();
            const int Tokens = 4;
            for (int i = 0; i < Tokens; i++)
                session.Read([[i], [i + 1]], logits);
            Assert.Equal((0ul, 0ul), (emulator.Counter("allocations"), emulator.Counter("frees")));
            // Tokens and lengths go there, logits come back: all else stays on the GPU.
            Assert.Equal((1ul * Tokens, 1ul * Tokens, 1ul * Tokens), (emulator.Counter("copies_to_device"), emulator.Counter("copies_to_host"), emulator.Counter("graph_launches")));
        }
        gpt.Release();
    }

    /// <summary>Ten steps on both devices from the same weights, with every dropout: losses, weights and outputs afterwards.</summary>
    private static void Compare(Device gpu, Func<Model> build, Func<BatchSource> data, Action<Model>? prepare = null, Action<Model>? finish = null)
    {
        (double[] Losses, (string Path, float[] Values)[] Weights, float[] Logits) Train(Device device)
        {
            Model model = build();
            model.SetSeed(3);
            prepare?.Invoke(model);
            model.MoveTo(device);
            using var optimizer = new AdamW(1e-2f);
            model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            History history = model.Fit(data(), epochs: 5);
            finish?.Invoke(model);
            float[] logits = model.Predict(Numbers(Length), new Shape(1, Length))[0];
            (string, float[])[] weights = [.. model.NamedParameters().Select(p => (p.Path, p.Parameter.Value.ToArray()))];
            model.Release();
            return ([.. history["loss"]], weights, logits);
        }
        int live = gpu.Pool.LiveBlocks;
        var expected = Train(Device.Cpu);
        var actual = Train(gpu);
        Assert.Equal(live, gpu.Pool.LiveBlocks);
        Assert.True(expected.Losses[^1] < expected.Losses[0]);
        Assert.All(expected.Losses.Zip(actual.Losses), p => Assert.Equal(p.First, p.Second, Tolerance));
        foreach (((string path, float[] values), (_, float[] others)) in expected.Weights.Zip(actual.Weights))
        {
            // The keys' bias has no gradient but noise, which Adam turns into full steps.
            bool isNoise(int i) => path.EndsWith("c_attn/bias", StringComparison.Ordinal) && i is >= Width and < 2 * Width;
            for (int i = 0; i < values.Length; i++)
            {
                if (!isNoise(i) && !(Math.Abs(values[i] - others[i]) <= Tolerance))
                    Assert.Fail($"{path}: element {i} is {others[i]}, on the processor {values[i]}.");
            }
        }
        double largest = expected.Logits.Max(Math.Abs);
        Assert.All(expected.Logits.Zip(actual.Logits), p => Assert.Equal(p.First, p.Second, Tolerance * largest));
    }

    private static float[] Numbers(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(Config.VocabularySize))];
    }

    /// <summary>Four texts, two a step.</summary>
    private static ArrayBatches Texts()
    {
        float[] ids = Numbers(4 * (Length + 1));
        float[] Part(int start) => [.. Enumerable.Range(0, 4).SelectMany(r => ids.Skip(r * (Length + 1) + start).Take(Length))];
        return new ArrayBatches(Part(0), new Shape(Length), Part(1), new Shape(Length), LabelKind.Sparse, batchSize: 2, shuffleSeed: 5);
    }
}

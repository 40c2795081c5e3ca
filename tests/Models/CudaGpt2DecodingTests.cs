using Graft.Adapters;
using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>Tokens of a GPT-2 by one CUDA graph each, on the emulated GPU: what a token costs, and what becomes of the graph when something changes.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGpt2DecodingTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Gpt2Config Config = new() { VocabularySize = 31, Positions = 40, Width = 16, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };

    private static readonly TokenChoice Greedy = new(false, 1, 0, 1, 0), Drawn = new(true, 0.9f, 12, 0.95f, 4);

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, false)]
    [InlineData(WeightPrecision.BFloat16, false)]
    [InlineData(WeightPrecision.Int8, false)]
    [InlineData(WeightPrecision.Float32, true)]
    [InlineData(WeightPrecision.BFloat16, true)]
    [InlineData(WeightPrecision.Int8, true)]
    public void Tokens_that_the_gpu_chooses_are_the_processors(WeightPrecision precision, bool samples)
    {
        emulator.Begin($"{nameof(Tokens_that_the_gpu_chooses_are_the_processors)} {precision} {samples}");
        using var gpu = new EmulatedGpu(isOneToOne: precision == WeightPrecision.Float32);
        int[][] prompts = [[5, 17, 30, 2, 4], [8], [7, 3, 3]];
        GenerationOptions options = samples
            ? new() { MaxLength = 20, DoSample = true, Temperature = 0.9f, TopK = 12, TopP = 0.95f, Seed = 4, NumReturnSequences = 2, EosTokenIds = [3], PadTokenId = 0 }
            : new() { MaxLength = 24 };
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.Precision = precision;
        string[] Texts() => [.. gpt.Generate(prompts, options).Sequences.Select(s => string.Join(' ', s.Tokens))];
        string[] expected = Texts();
        gpt.MoveTo(gpu.Device);
        emulator.ResetCounters();
        Assert.Equal(expected, Texts());
        Assert.InRange(emulator.Counter("graph_launches"), 5ul, 24ul);
        Assert.True(expected.SelectMany(t => t.Split(' ')).Distinct().Count() > 8, "The texts say too little to compare.");
        gpt.Release();
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, false)]
    [InlineData(WeightPrecision.BFloat16, true)]
    [InlineData(WeightPrecision.Int8, false)]
    public void A_token_is_one_launch_and_one_copy_of_its_number(WeightPrecision precision, bool samples)
    {
        emulator.Begin($"{nameof(A_token_is_one_launch_and_one_copy_of_its_number)} {precision} {samples}");
        List<int> Run(bool usesGraphs)
        {
            using var gpu = new EmulatedGpu(usesGraphs: usesGraphs);
            var tokens = new List<int>();
            Gpt2 gpt = Gpt2.Build(Config);
            gpt.MoveTo(gpu.Device);
            gpt.Precision = precision;
            using (var session = (Gpt2Session)gpt.Open(1, 20))
            {
                session.Read([[1, 2, 3]], new float[Config.VocabularySize]);
                var token = new[] { 7 };
                void Step()
                {
                    session.ReadAndChoose(token, samples ? Drawn : Greedy, 1 + tokens.Count, token);
                    tokens.Add(token[0]);
                }
                Step(); // as ever
                Step(); // recorded
                emulator.ResetCounters();
                for (int i = 0; i < 8; i++)
                    Step();
                if (usesGraphs)
                {
                    Assert.Equal((8ul, 0ul, 0ul), (emulator.Counter("graph_launches"), emulator.Counter("allocations"), emulator.Counter("frees")));
                    Assert.Matches(@"^CUDA graph: [1-9]\d+ kernels and copies, one launch a token$", session.Launches);
                }
                else
                {
                    Assert.Equal("no CUDA graph: GRAFT_CUDA_GRAPHS is off", session.Launches);
                }
                Assert.Equal((0ul, 8ul, 8 * 4ul), (emulator.Counter("copies_to_device"), emulator.Counter("copies_to_host"), emulator.Counter("bytes_to_host")));
                Assert.Equal(13, session.Length(0));
            }
            gpt.Release();
            return tokens;
        }
        Assert.Equal(Run(usesGraphs: false), Run(usesGraphs: true));
    }

    [Fact]
    public void Whatever_changes_in_between_the_tokens_are_those_of_single_launches()
    {
        emulator.Begin(nameof(Whatever_changes_in_between_the_tokens_are_those_of_single_launches));
        List<int> Run(bool usesGraphs)
        {
            using var gpu = new EmulatedGpu(usesGraphs: usesGraphs);
            var all = new List<int>();
            Gpt2 gpt = Gpt2.Build(Config);
            gpt.SetSeed(5);
            Lora.Attach(gpt, new LoraConfig { Rank = 2, Alpha = 8, TargetModules = ["c_attn", "c_fc"], Initialization = LoraInitialization.Random });
            gpt.MoveTo(gpu.Device);
            using (CausalSession session = gpt.Open(2, 40))
            {
                var logits = new float[2 * Config.VocabularySize];
                int[] tokens = [1, 2];
                void Steps(int count, TokenChoice choice)
                {
                    for (int i = 0; i < count; i++)
                    {
                        session.ReadAndChoose(tokens, choice, all.Count, tokens);
                        all.AddRange(tokens);
                    }
                }
                session.Read([[4, 9, 2], [6]], logits);
                Steps(4, Greedy);
                Steps(4, Drawn); // another choice
                tokens = [3, 30]; // tokens of one's own
                Steps(1, Drawn);
                session.Read([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], logits); // more rows than before: other buffers
                Steps(3, Drawn);
                session.Reorder([1, 0]);
                Steps(4, Drawn);
                session.Read([[1], [2]], logits); // without a choice
                all.Add(Array.IndexOf(logits, logits.Max()));
                Steps(3, Drawn);
                Lora.Merge(gpt); // in the products that the session packed the adapters are not
                gpt.Open(1, 2).Dispose(); // packs anew
                Steps(3, Drawn);
                gpt.Precision = WeightPrecision.Int8;
                gpt.Open(1, 2).Dispose();
                Steps(3, Drawn);
            }
            gpt.Release();
            return all;
        }
        List<int> expected = Run(usesGraphs: false);
        Assert.True(expected.Distinct().Count() > 8, "The tokens say too little to compare.");
        Assert.Equal(expected, Run(usesGraphs: true));
    }

    [Fact]
    public void Weights_that_change_between_two_tokens_are_those_of_the_next_one()
    {
        emulator.Begin(nameof(Weights_that_change_between_two_tokens_are_those_of_the_next_one));
        List<int> Run(bool usesGraphs)
        {
            using var gpu = new EmulatedGpu(usesGraphs: usesGraphs);
            var all = new List<int>();
            Gpt2 gpt = Gpt2.Build(Config);
            gpt.MoveTo(gpu.Device);
            using (CausalSession session = gpt.Open(1, 24))
            {
                session.Read([[4, 9, 2]], new float[Config.VocabularySize]);
                int[] token = [7];
                for (int i = 0; i < 20; i++) // to the last place
                {
                    session.ReadAndChoose(token, Greedy, all.Count, token);
                    all.Add(token[0]);
                    if (i % 4 == 3) // a pass with the old weights is under way
                        gpt.NamedParameters().First(p => p.Path.Contains("ln_f", StringComparison.Ordinal)).Parameter.Set([.. Enumerable.Range(0, 16).Select(k => MathF.Sin(i + (k * 5)))]);
                }
                session.Read([[3]], new float[Config.VocabularySize]);
                Assert.Equal(24, session.Length(0));
            }
            gpt.Release();
            return all;
        }
        List<int> expected = Run(usesGraphs: false);
        Assert.True(expected.Distinct().Count() > 4, "The tokens say too little to compare.");
        Assert.Equal(expected, Run(usesGraphs: true));
    }

    [Theory]
    [InlineData(ComputePrecision.TF32, 3e-3)]
    [InlineData(ComputePrecision.BFloat16, 3e-2)]
    public void A_prompt_is_read_in_the_precision_of_predictions(ComputePrecision precision, double tolerance)
    {
        emulator.Begin($"{nameof(A_prompt_is_read_in_the_precision_of_predictions)} {precision}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.MoveTo(gpu.Device);
        float[] Logits()
        {
            using CausalSession session = gpt.Open(1, 20);
            var logits = new float[Config.VocabularySize];
            session.Read([[.. Enumerable.Range(1, 18)]], logits);
            return logits;
        }
        float[] exact = Logits();
        gpt.PlanOptions = gpt.PlanOptions with { Precision = precision };
        float[] rounded = Logits();
        Assert.NotEqual(exact, rounded);
        double scale = exact.Max(Math.Abs);
        Assert.All(exact.Zip(rounded), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, tolerance * scale));
        gpt.PlanOptions = gpt.PlanOptions with { Precision = ComputePrecision.Float32 };
        Assert.Equal(exact, Logits());
        gpt.Release();
    }

    [Theory]
    [InlineData("capture", 1, 2)]
    [InlineData("instantiate", 1, 2)]
    [InlineData("launch", 1, 3)]
    public void A_token_that_cannot_be_launched_says_so_and_the_session_leaves_nothing_behind(string kind, int call, int step)
    {
        emulator.Begin($"{nameof(A_token_that_cannot_be_launched_says_so_and_the_session_leaves_nothing_behind)} {kind}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.MoveTo(gpu.Device);
        using (CausalSession session = gpt.Open(1, 20))
        {
            var token = new int[1];
            session.Read([[1, 2]], new float[Config.VocabularySize]);
            for (int i = 1; i < step; i++)
                session.ReadAndChoose([5], Greedy, i, token);
            emulator.Inject(kind, (ulong)call, 2); // CUDA_ERROR_OUT_OF_MEMORY
            CudaException e = Assert.Throws<CudaException>(() => session.ReadAndChoose([6], Greedy, step, token));
            Assert.Contains("CUDA_ERROR_OUT_OF_MEMORY (2)", e.Message, StringComparison.Ordinal);
            session.ReadAndChoose([6], Greedy, step, token); // reads it to the same place
            Assert.Equal(2 + step, session.Length(0));
        }
        gpt.Release();
    }

    [Fact]
    public void A_damaged_model_says_so_where_the_gpu_chooses_too()
    {
        emulator.Begin(nameof(A_damaged_model_says_so_where_the_gpu_chooses_too));
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.MoveTo(gpu.Device);
        gpt.NamedParameters().First(p => p.Path.Contains("ln_f", StringComparison.Ordinal)).Parameter.Set([.. Enumerable.Repeat(float.NaN, 16)]);
        using (CausalSession session = gpt.Open(1, 20))
        {
            session.Read([[1, 2]], new float[Config.VocabularySize]);
            Assert.Contains("not a number; its weights are damaged", Assert.Throws<GraftException>(() => session.ReadAndChoose([5], Greedy, 1, new int[1])).Message, StringComparison.Ordinal);
        }
        gpt.Release();
    }
}

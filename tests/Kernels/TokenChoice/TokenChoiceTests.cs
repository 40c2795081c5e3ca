using Graft.Kernels;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.TokenChoice;

/// <summary>Tokens that are chosen on a device: those that generation chooses on the host.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class TokenChoiceTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Rows = 3;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    /// <summary>Vocabularies around the threads of a block; each of the ways to narrow, alone and together, to nothing and not at all.</summary>
    public static TheoryData<int, float, int, float> Ways => new()
    {
        { 1, 1, 0, 1 }, { 31, 1, 0, 1 }, { 31, 0.7f, 5, 1 }, { 31, 1, 1, 1 }, { 31, 1.5f, 0, 0.8f }, { 31, 1, 0, 1e-6f }, { 31, 0.9f, 10, 0.5f },
        { 1023, 1, 50, 1 }, { 1024, 1, 0, 0.95f }, { 2500, 0.8f, 200, 0.9f }, { 31, 1, 31, 1 }, { 31, 1, 40, 0.999f },
    };

    [Theory, MemberData(nameof(Ways))]
    public void Draws_of_the_reference_are_those_of_generation(int vocabulary, float temperature, int topK, float topP)
    {
        var g = new TokenChoiceGeometry(Rows, vocabulary, true, temperature, topK, topP, 11);
        var options = new GenerationOptions { DoSample = true, Temperature = temperature, TopK = topK, TopP = topP, Seed = g.Seed };
        LogitsChain chain = LogitsChain.Of(options, new GenerationLengths(1, 30, 0), vocabulary);
        var sampler = new TokenSampler(g.Seed, vocabulary);
        foreach (int draw in Enumerable.Range(0, 20))
        {
            float[] logits = Logits(vocabulary, draw);
            int[] chosen = Choose(KernelSet.Reference, g, logits, draw);
            for (int row = 0; row < Rows; row++)
            {
                float[] own = logits[(row * vocabulary)..((row + 1) * vocabulary)];
                chain.Apply([0], draw, own);
                Assert.Equal(sampler.Draw(own, row, draw), chosen[row]);
            }
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void The_gpu_draws_what_the_reference_draws(int vocabulary, float temperature, int topK, float topP)
    {
        emulator.Begin($"{nameof(The_gpu_draws_what_the_reference_draws)} {vocabulary} {temperature} {topK} {topP}");
        emulator.Checked = vocabulary < 1000;
        emulator.ThreadOrder = EmulatorThreadOrder.Shuffled;
        using var gpu = new EmulatedGpu();
        var g = new TokenChoiceGeometry(Rows, vocabulary, true, temperature, topK, topP, 5);
        foreach (int draw in Enumerable.Range(0, 12))
        {
            float[] logits = Logits(vocabulary, draw);
            Assert.Equal(Choose(KernelSet.Reference, g, logits, draw), Choose(gpu.Kernels, g, logits, draw));
        }
    }

    [Theory]
    [InlineData("reference")]
    [InlineData("cuda")]
    public void Of_equal_logits_the_first_is_taken_and_the_lower_tokens_are_the_first_that_top_p_leaves_out(string set)
    {
        emulator.Begin($"{nameof(Of_equal_logits_the_first_is_taken_and_the_lower_tokens_are_the_first_that_top_p_leaves_out)} {set}");
        using var gpu = new EmulatedGpu();
        KernelSet kernels = set == "cuda" ? gpu.Kernels : KernelSet.Reference;
        float[] logits = [1, 3, 3, -2, 3, 3, 0, 3, 3, float.NegativeInfinity, 3, 3]; // eight of weight 1, the others of about 0.2 together
        float[] rows = [.. logits, .. logits, .. logits];
        Assert.Equal([1, 1, 1], Choose(kernels, new TokenChoiceGeometry(Rows, 12, false, 1, 0, 1, 0), rows, 0));
        var seen = new HashSet<int>();
        for (int draw = 0; draw < 60; draw++)
            seen.UnionWith(Choose(kernels, new TokenChoiceGeometry(Rows, 12, true, 1, 0, 0.6f, 3), rows, draw)); // 3.28 of 8.2 may go: the small ones and three of the eight
        Assert.Equal([5, 7, 8, 10, 11], seen.Order());
        seen.Clear();
        for (int draw = 0; draw < 60; draw++)
            seen.UnionWith(Choose(kernels, new TokenChoiceGeometry(Rows, 12, true, 1, 2, 1, 3), rows, draw)); // those equal to the second stay
        Assert.Equal([1, 2, 4, 5, 7, 8, 10, 11], seen.Order());
    }

    [Theory]
    [InlineData("reference", true)]
    [InlineData("reference", false)]
    [InlineData("cuda", true)]
    [InlineData("cuda", false)]
    public void A_row_without_a_greatest_logit_says_why(string set, bool samples)
    {
        emulator.Begin($"{nameof(A_row_without_a_greatest_logit_says_why)} {set} {samples}");
        using var gpu = new EmulatedGpu();
        KernelSet kernels = set == "cuda" ? gpu.Kernels : KernelSet.Reference;
        float[] logits = [1, float.NaN, 2, 1, float.PositiveInfinity, 2, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity];
        Assert.Equal([TokenChoiceKernels.NotANumber, TokenChoiceKernels.Infinite, TokenChoiceKernels.Forbidden],
            Choose(kernels, new TokenChoiceGeometry(Rows, 3, samples, 1, 2, 0.9f, 1), logits, 0));
    }

    [Fact]
    public void The_greatest_of_many_logits_is_found_wherever_it_lies()
    {
        emulator.Begin(nameof(The_greatest_of_many_logits_is_found_wherever_it_lies));
        using var gpu = new EmulatedGpu();
        const int Vocabulary = 140_001; // more blocks than a warp has threads
        var g = new TokenChoiceGeometry(Rows, Vocabulary, false, 1, 0, 1, 0);
        float[] logits = new float[Rows * Vocabulary];
        (logits[4095], logits[4096], logits[Vocabulary + 140_000], logits[(2 * Vocabulary) + 9000]) = (2, 2, 1, 3);
        Assert.Equal([4095, 140_000, 9000], Choose(gpu.Kernels, g, logits, 0));
        (logits[100_000], logits[Vocabulary + 5000], logits[(2 * Vocabulary) + 70_000]) = (2.5f, float.NaN, float.PositiveInfinity);
        Assert.Equal([100_000, TokenChoiceKernels.NotANumber, TokenChoiceKernels.Infinite], Choose(gpu.Kernels, g, logits, 1));
    }

    /// <summary>Chooses, and sees to it that both counters were counted on.</summary>
    private static int[] Choose(KernelSet kernels, in TokenChoiceGeometry g, float[] logits, int draw)
    {
        MemoryKernels memory = kernels.Memory;
        DevicePtr<float> x = KernelBlocks.New(memory, logits);
        DevicePtr<int> counters = new(memory.Allocate(2 * g.Rows * sizeof(int))), tokens = new(memory.Allocate(g.Rows * sizeof(int)));
        memory.Upload<int>([7, 8, 9, draw, draw, draw], counters);
        kernels.TokenChoice.Forward(g, x, counters, tokens);
        int[] counted = new int[2 * g.Rows], chosen = new int[g.Rows];
        memory.Download(counters, counted.AsSpan());
        memory.Download(tokens, chosen.AsSpan());
        Assert.Equal([8, 9, 10, draw + 1, draw + 1, draw + 1], counted);
        foreach (nint block in new[] { x.Address, counters.Address, tokens.Address })
            memory.Free(block);
        return chosen;
    }

    /// <summary>Normal, of a spread that leaves some tokens likely; some of the last are equal.</summary>
    private static float[] Logits(int vocabulary, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Rows * vocabulary).Select(i => i % 7 == 0 ? -1.5f : (float)(2.5 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}

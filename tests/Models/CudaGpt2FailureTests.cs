using Graft.Kernels.Cuda;
using Graft.Kernels;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>Generation on the emulated GPU of which a call fails, or which has too little memory: nothing is left behind, and a session reads on where it was.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGpt2FailureTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int CompilationFailed = 6; // NVRTC_ERROR_COMPILATION
    private static readonly Gpt2Config Config = new() { VocabularySize = 13, Positions = 16, Width = 8, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };

    /// <summary>Those of which there are none in decoding are left out: cuDNN.</summary>
    public static TheoryData<string> Kinds => [.. FailureSweep.Kinds.Select(k => k.Kind).Where(k => k != "cudnn")];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_call_that_fails_anywhere_in_a_generation_leaves_nothing_behind(string kind)
    {
        emulator.Begin($"{nameof(A_call_that_fails_anywhere_in_a_generation_leaves_nothing_behind)} {kind}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Build(gpu.Device, WeightPrecision.Float32);
        float[] expected = Generate(gpt), actual = [];
        int live = gpu.Device.Pool.LiveBlocks;
        int failed = FailureSweep.Calls(emulator, kind, () => actual = Generate(gpt), threw =>
        {
            Assert.True(threw, "A generation hid a failed call.");
            Assert.Equal(live, gpu.Device.Pool.LiveBlocks);
        });
        Assert.True(failed >= (kind is "cublas" or "cublaslt" ? 0 : 4), $"{failed} generations failed by {kind}."); // so few rows are multiplied by own kernels
        Assert.Equal(expected, actual);
        gpt.Release();
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, true)]
    [InlineData(WeightPrecision.Float32, false)]
    [InlineData(WeightPrecision.Int8, true)]
    public void A_generation_that_runs_out_of_memory_anywhere_leaves_nothing_behind(WeightPrecision precision, bool isOneToOne)
    {
        emulator.Begin($"{nameof(A_generation_that_runs_out_of_memory_anywhere_leaves_nothing_behind)} {precision} {isOneToOne}");
        using var gpu = new EmulatedGpu(isOneToOne: isOneToOne);
        float[] expected = [], actual = [];
        float[] Run()
        {
            Gpt2 gpt = Build(gpu.Device, precision); // its weights have no memory yet and are not packed
            try
            {
                return Generate(gpt);
            }
            finally
            {
                gpt.Release();
            }
        }
        expected = Run();
        int failed = FailureSweep.Memory(emulator, gpu, () => actual = Run(), () => Assert.Equal(0, gpu.Device.Pool.LiveBlocks));
        Assert.True(failed > 20, $"{failed} generations ran out of memory.");
        Assert.Equal(expected, actual);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_session_of_which_a_call_failed_reads_on_where_it_was(string kind)
    {
        emulator.Begin($"{nameof(A_session_of_which_a_call_failed_reads_on_where_it_was)} {kind}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Build(gpu.Device, WeightPrecision.Float32);
        float[] expected = new float[2 * Config.VocabularySize], actual = new float[2 * Config.VocabularySize];
        using (CausalSession undisturbed = gpt.Open(2, 8), session = gpt.Open(2, 8))
        {
            undisturbed.Read([[1, 2, 3], [4, 5]], expected);
            undisturbed.Read([[7], [8]], expected);
            session.Read([[1, 2, 3], [4, 5]], actual);
            int failed = FailureSweep.Calls(emulator, kind, () => session.Read([[7], [8]], actual), threw =>
            {
                Assert.True(threw, "A session hid a failed call.");
                Assert.Equal((3, 2), (session.Length(0), session.Length(1)));
            });
            Assert.True(failed >= kind switch { "allocation" or "cublas" or "cublaslt" => 0, "copy" => 2, _ => 4 }, $"{failed} reads failed by {kind}."); // a token allocates nothing and asks no library; it goes there and its logits come back
            Assert.Equal(expected, actual);
        }
        gpt.Release();
    }

    [Fact]
    public void Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again()
    {
        emulator.Begin(nameof(Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again));
        int failed = 0;
        for (bool fails = true; fails; failed += fails ? 1 : 0)
        {
            using var gpu = new EmulatedGpu(); // nothing is compiled yet
            Gpt2 gpt = Build(gpu.Device, WeightPrecision.BFloat16);
            emulator.Inject("compile", (ulong)(failed + 1), CompilationFailed);
            try
            {
                Generate(gpt);
                fails = false;
            }
            catch (CudaException e)
            {
                Assert.Contains("NVRTC", e.Message, StringComparison.Ordinal);
                Generate(gpt);
            }
            emulator.Inject("compile", 0, 0);
            gpt.Release();
        }
        Assert.True(failed > 3, $"{failed} compilations failed.");
    }

    private static Gpt2 Build(Device gpu, WeightPrecision precision)
    {
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.Precision = precision;
        gpt.MoveTo(gpu);
        return gpt;
    }

    /// <summary>Reads two prompts, then one token each, goes on from the second of both, and reads one more; the last logits.</summary>
    private static float[] Generate(Gpt2 gpt)
    {
        var logits = new float[2 * Config.VocabularySize];
        using CausalSession session = gpt.Open(2, 8);
        session.Read([[1, 2, 3], [4, 5, 6]], logits);
        session.Read([[7], [8]], logits);
        session.Reorder([1, 1]);
        session.Read([[9], [10]], logits);
        return logits;
    }
}

using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Training;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>Texts on the emulated GPU: every way to choose tokens, texts that come and go, and several threads at once give what the processor gives.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGenerationTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Gpt2Config Config = new() { VocabularySize = 31, Positions = 40, Width = 16, Blocks = 2, Heads = 2, InitializerRange = 0.3f, EosToken = null };

    private static readonly int[][] Prompts = [[5, 17, 30, 2, 4], [8], [7, 3, 3]];

    private static readonly GenerationOptions s_greedy = new() { MaxLength = 18 }, s_drawn = s_greedy with { DoSample = true, Seed = 3 };

    private static readonly Dictionary<string, GenerationOptions> s_options = new()
    {
        ["beams, drawn"] = s_drawn with { NumBeams = 3, TopK = 10 },
        ["groups of beams"] = s_greedy with { NumBeams = 4, NumBeamGroups = 2, DiversityPenalty = 0.5f },
        ["contrastive search"] = s_greedy with { PenaltyAlpha = 0.5f, TopK = 4 },
        ["typical"] = s_drawn with { TypicalP = 0.8f },
        ["cut off"] = s_drawn with { EpsilonCutoff = 0.02f, EtaCutoff = 0.02f },
        ["no pair twice"] = s_greedy with { MaxLength = 30, NoRepeatNgramSize = 2 },
        ["forbidden words, an end not before its time"] = s_greedy with { BadWordsIds = [[3], [4, 5]], SuppressTokens = [9], EosTokenIds = [7], MinLength = 12 },
        ["an end that comes nearer"] = s_greedy with { MaxLength = 30, ExponentialDecayLengthPenalty = (10, 1.2f), EosTokenIds = [7], ForcedEosTokenId = 7 },
        ["top p of all, three texts each"] = s_drawn with { TopK = 0, TopP = 0.6f, Temperature = 1.7f, NumReturnSequences = 3 },
        ["up to the last place"] = s_greedy with { MaxLength = 40 },
    };

    public static TheoryData<string> Options => [.. s_options.Keys];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Options))]
    public void Every_way_to_choose_tokens_gives_the_processors_texts(string name)
    {
        emulator.Begin($"{nameof(Every_way_to_choose_tokens_gives_the_processors_texts)} {name}");
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        gpt.MoveTo(Device.Cpu);
        string expected = Texts(gpt, s_options[name]);
        gpt.MoveTo(gpu.Device);
        Assert.Equal(expected, Texts(gpt, s_options[name]));
        gpt.Release();
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Fact]
    public void Texts_that_come_and_go_in_one_batch_are_the_processors()
    {
        emulator.Begin(nameof(Texts_that_come_and_go_in_one_batch_are_the_processors));
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        string Serve(Device device)
        {
            gpt.MoveTo(device);
            var tokens = new Dictionary<ContinuedText, List<int>>();
            using var batch = new ContinuousBatch(gpt);
            for (int step = 0; step < 4 || batch.Texts.Count > 0; step++)
            {
                if (step < 4)
                    tokens.Add(batch.Add(Prompts[step % 3], (step % 2 == 0 ? s_greedy : s_drawn) with { MaxLength = 12 + step }), []);
                if (step == 6)
                    batch.Remove(tokens.Keys.First(t => !t.IsDone)); // whose reader is gone
                foreach (ContinuedText text in batch.Step())
                    tokens[text].Add(text.LastToken);
            }
            return string.Join('\n', tokens.Values.Select(t => string.Join(' ', t)));
        }
        Assert.Equal(Serve(Device.Cpu), Serve(gpu.Device));
        gpt.Release();
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Fact]
    public void Threads_that_generate_and_predict_at_once_get_what_each_gets_alone()
    {
        emulator.Begin(nameof(Threads_that_generate_and_predict_at_once_get_what_each_gets_alone));
        using var gpu = new EmulatedGpu();
        Gpt2 gpt = Gpt2.Build(Config);
        Model network = CudaTrainingTests.SmallResNet();
        gpt.MoveTo(gpu.Device);
        network.MoveTo(gpu.Device);
        network.Trainable = false;
        float[] images = CudaTrainingTests.Inputs(network.Inputs[0].Shape, 3);
        string Scores(int count) => string.Join(' ', network.Predict(images[..(count * 720)], network.Inputs[0].Shape.Prepend(count)).SelectMany(row => row));
        Func<string>[] works = [() => Texts(gpt, s_greedy), () => Texts(gpt, s_drawn), () => Scores(3), () => Scores(2)];
        string[] expected = Array.ConvertAll(works, work => work());
        using var start = new Barrier(works.Length);
        var failed = new Exception?[works.Length];
        Thread[] threads = [.. works.Select((work, i) => new Thread(() => failed[i] = Record.Exception(() =>
        {
            start.SignalAndWait();
            for (int round = 0; round < 3; round++)
                Assert.Equal(expected[i], work());
        })))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.All(failed, Assert.Null);
        gpt.Release();
        network.Release();
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    private static string Texts(Gpt2 gpt, GenerationOptions options) => string.Join('\n', gpt.Generate(Prompts, options).Sequences.Select(s => string.Join(' ', s.Tokens)));
}

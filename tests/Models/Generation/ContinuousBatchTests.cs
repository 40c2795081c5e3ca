using Graft.Adapters;
using Graft.Kernels;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Texts that come and go in one batch are what each is alone.</summary>
public sealed class ContinuousBatchTests
{
    private static readonly Gpt2Config s_config = new() { VocabularySize = 90, Positions = 48, Width = 32, Blocks = 2, Heads = 4, InitializerRange = 0.5f, EosToken = null };

    [Theory]
    [InlineData(WeightPrecision.Float32, false)]
    [InlineData(WeightPrecision.BFloat16, false)]
    [InlineData(WeightPrecision.Int8, false)]
    [InlineData(WeightPrecision.Float32, true)]
    public void Logits_of_sessions_that_read_together_are_those_of_each_alone(WeightPrecision precision, bool adapts)
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        gpt.Precision = precision;
        if (adapts)
            Lora.Attach(gpt, new LoraConfig { Rank = 4, TargetModules = ["c_attn", "c_proj", "c_fc"] });
        int[][] prompts = [[5, 17, 80, 2, 44, 9, 31], [8], [70, 3, 3]];
        int[] capacities = [20, 48, 7];
        CausalSession[] alone = [.. capacities.Select(c => gpt.Open(1, c))], together = [.. capacities.Select(c => gpt.Open(1, c))];
        var logits = new float[90];
        for (int i = 0; i < prompts.Length; i++)
        {
            alone[i].Read([prompts[i]], logits);
            together[i].Read([prompts[i]], logits);
        }
        foreach (int count in new[] { 3, 2, 3, 1 }) // sessions that read
        {
            int[] tokens = [.. Enumerable.Range(0, count).Select(i => 11 * count + i)];
            var all = new float[count * 90];
            together[count - 1].ReadTogether(together[..count], tokens, all);
            for (int i = 0; i < count; i++)
            {
                alone[i].Read([[tokens[i]]], logits);
                Assert.Equal(logits, all[(i * 90)..((i + 1) * 90)]);
                Assert.Equal(alone[i].Length(0), together[i].Length(0));
            }
        }
        foreach (CausalSession session in (CausalSession[])[.. alone, .. together])
            session.Dispose();
        gpt.Release();
    }

    [Fact]
    public void What_cannot_read_together_is_refused_and_nobody_has_read()
    {
        Gpt2 gpt = Gpt2.Build(s_config), other = Gpt2.Build(s_config);
        using CausalSession first = gpt.Open(1, 2), second = gpt.Open(1, 9), wide = gpt.Open(2, 9), strange = other.Open(1, 9);
        var logits = new float[2 * 90];
        void Refused(string words, CausalSession[] sessions, params int[] tokens)
        {
            Assert.Contains(words, Assert.Throws<GraftException>(() => first.ReadTogether(sessions, tokens, logits)).Message, StringComparison.Ordinal);
            Assert.Equal(0, first.Length(0) + second.Length(0));
        }
        Refused("session 1 does not read together", [first, wide], 1, 2);
        Refused("session 1 does not read together", [first, strange], 1, 2);
        Refused("session 1 stands twice", [first, first], 1, 2);
        Refused("token 90", [first, second], 1, 90);
        Refused("1 tokens and room for 180 logits; 2 sessions", [first, second], 1);
        first.ReadTogether([first, second], [1, 2], logits);
        first.ReadTogether([first, second], [1, 2], logits);
        Assert.Contains("would hold 3 tokens; there is room for 2", Assert.Throws<GraftException>(() => first.ReadTogether([first, second], [1, 2], logits)).Message, StringComparison.Ordinal);
        Assert.Equal((2, 2), (first.Length(0), second.Length(0)));
        gpt.Release();
        other.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Texts_that_come_and_go_are_what_each_is_alone(bool isGpt)
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        gpt.MoveTo(new Device(KernelSet.Cpu)); // with blocks of its own: tests beside this one free theirs
        ICausalModel model = isGpt ? gpt : new HashModel(90);
        gpt.Generate([[1]], new GenerationOptions { MaxNewTokens = 1 });
        int blocks = gpt.Device.Pool.LiveBlocks;
        var random = new Random(5);
        using var batch = new ContinuousBatch(model);
        var texts = new List<(int[] Prompt, GenerationOptions Options, ContinuedText Text, List<int> Tokens)>();
        int most = 0;
        for (int step = 0; step < 20 || batch.Texts.Count > 0; step++)
        {
            most = Math.Max(most, batch.Texts.Count);
            for (int k = random.Next(3); k > 0 && step < 20; k--)
            {
                int[] prompt = [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(90))];
                var options = new GenerationOptions { MaxNewTokens = random.Next(1, 30), EosTokenIds = [33, 34, 35], DoSample = random.Next(2) == 0, Seed = step, RepetitionPenalty = 1.1f };
                texts.Add((prompt, options with { TopK = options.DoSample ? 20 : 50 }, null!, []));
                texts[^1] = texts[^1] with { Text = batch.Add(prompt, texts[^1].Options) };
            }
            foreach (ContinuedText text in batch.Step())
                texts.Single(t => t.Text == text).Tokens.Add(text.LastToken);
        }
        Assert.True(texts.Count > 12 && texts.Sum(t => t.Tokens.Count) > 100);
        Assert.True(most > 7); // more than one pass
        foreach ((int[] prompt, GenerationOptions options, ContinuedText text, List<int> tokens) in texts)
        {
            Assert.Equal(model.Generate([prompt], options).Sequences[0].Generated.ToArray(), tokens);
            Assert.Equal((true, null, tokens.Count), (text.IsDone, text.Error, text.Count));
        }
        Assert.Equal(blocks, gpt.Device.Pool.LiveBlocks);
        gpt.Release();
    }

    [Fact]
    public void A_text_that_fails_or_is_taken_out_leaves_the_others_alone()
    {
        Gpt2 gpt = Gpt2.Build(s_config);
        gpt.MoveTo(new Device(KernelSet.Cpu));
        gpt.Generate([[1]], new GenerationOptions { MaxNewTokens = 1 });
        int blocks = gpt.Device.Pool.LiveBlocks;
        var options = new GenerationOptions { MaxNewTokens = 8 };
        using (var batch = new ContinuousBatch(gpt))
        {
            ContinuedText good = batch.Add([4, 5], options), bad = batch.Add([6], options with { LogitsProcessors = [new Faulty()] }), taken = batch.Add([7], options), left = batch.Add([8], options with { MaxNewTokens = 40 });
            var tokens = new List<int>();
            for (int step = 0; !good.IsDone; step++)
            {
                if (step == 5)
                    batch.Remove(taken);
                tokens.AddRange(batch.Step().Contains(good) ? [good.LastToken] : []);
            }
            Assert.Equal(gpt.Generate([[4, 5]], options).Sequences[0].Generated.ToArray(), tokens);
            Assert.Equal("no more", Assert.IsType<InvalidOperationException>(bad.Error).Message);
            Assert.Equal((2, true), (bad.Count, bad.IsDone));
            Assert.Equal([left], batch.Texts);
            Assert.False(taken.IsDone);
            Assert.Throws<GraftException>(() => batch.Add([], options));
            Assert.Throws<GraftException>(() => batch.Add([1], options with { NumBeams = 2 }));
        }
        Assert.Equal(blocks, gpt.Device.Pool.LiveBlocks);
        gpt.Release();
    }

    private sealed class Faulty : LogitsProcessor
    {
        public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
        {
            if (generated == 2)
                throw new InvalidOperationException("no more");
        }
    }
}

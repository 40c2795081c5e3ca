using System.Globalization;
using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Gpu;

/// <summary>GPT-2 of 124 million parameters: tokens one by one from weights of 32, 16 and 8 bits, reading a long prompt, and a step of training.</summary>
internal static class GpuText
{
    private const string Part = "text";
    private const int Prompt = 4;

    /// <summary>Measures all.</summary>
    public static void Run(GpuOptions options, GpuResults results)
    {
        Gpt2Config config = (options.IsTiny ? new Gpt2Config { VocabularySize = 101, Positions = 64, Width = 32, Blocks = 2, Heads = 2 } : Gpt2Config.Small)
            with { EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0, EosToken = null };
        int prompt = options.IsTiny ? 16 : 512, tokens = options.IsTiny ? 4 : 64, sequences = options.IsTiny ? 2 : 4, length = options.IsTiny ? 8 : 512;
        if (options.IsHost)
        {
            foreach (string precision in options.Precisions)
            {
                var host = new GpuRow { Part = Part, Name = $"gpt2-train-step-{sequences}x{length}", Variant = "eager", Precision = precision };
                results.Try(host, () =>
                {
                    using GraftStep graft = Open(config, sequences, length, BenchGpu.Device, precision);
                    return GpuHost.Measure(host, graft);
                });
            }
            return;
        }
        Gpt2 gpt = Fill(Gpt2.Build(config), Device.Cpu);
        int[] text = Numbers.Ids("text", prompt, config.VocabularySize);
        float[] expected = Logits(gpt, text);
        results.Add(new GpuRow { Part = GpuRow.Check, Name = "gpt2", Values = expected });
        gpt.MoveTo(BenchGpu.Device);
        var clock = new GpuClock(BenchGpu.Context, options.IsOnce);
        foreach ((WeightPrecision weights, string precision) in new[] { (WeightPrecision.Float32, "fp32"), (WeightPrecision.BFloat16, "bf16"), (WeightPrecision.Int8, "int8") })
        {
            var row = new GpuRow { Part = Part, Name = "gpt2-decode-b1", Variant = "weights", Precision = precision, Unit = "tokens/s", Count = tokens, Bytes = tokens * 4.0 * gpt.Parameters.Sum(p => (double)p.Shape.Count) };
            results.Try(row, () =>
            {
                gpt.Precision = weights;
                Decode(gpt, text, tokens);
                return clock.Measure(row with { Bytes = (double)tokens * gpt.ProductBytes }, () => Decode(gpt, text, tokens));
            });
        }
        gpt.Precision = WeightPrecision.Float32;
        foreach (string precision in options.Precisions)
        {
            var row = new GpuRow { Part = Part, Name = $"gpt2-prefill-{prompt}", Variant = "session", Precision = precision, Unit = "tokens/s", Count = prompt };
            var step = new GpuRow { Part = Part, Name = $"gpt2-train-step-{sequences}x{length}", Variant = "eager", Precision = precision, Unit = "tokens/s", Count = sequences * length };
            results.Try(row, () =>
            {
                gpt.PlanOptions = gpt.PlanOptions with { Precision = GpuPrecisions.Of(precision) };
                return clock.Measure(row with { Deviation = Compare(Logits(gpt, text), expected, precision) }, () => Logits(gpt, text));
            });
            results.Try(step, () => Train(step, config, sequences, length, clock, results));
        }
        gpt.Release();
    }

    private static Gpt2 Fill(Gpt2 gpt, Device device)
    {
        const double Deviation = 0.02; // of GPT-2's own start; here in an even distribution
        double limit = Deviation * Math.Sqrt(3);
        GpuNetwork.FillBy(gpt, (path, parameter) => parameter.Name switch
        {
            "kernel" or "embeddings" => (-limit, limit),
            "gamma" => (0.8, 1.2),
            "bias" or "beta" => (-Deviation, Deviation),
            _ => throw new GraftException($"Bench: no numbers are set for parameter '{path}'."),
        });
        gpt.MoveTo(device);
        return gpt;
    }

    /// <summary>Behind a prompt.</summary>
    private static float[] Logits(Gpt2 gpt, int[] text)
    {
        using CausalSession session = gpt.Open(1, text.Length);
        var logits = new float[gpt.VocabularySize];
        session.Read([text], logits);
        return logits;
    }

    /// <summary>The most probable tokens behind a short prompt, one by one.</summary>
    private static void Decode(Gpt2 gpt, int[] text, int tokens)
    {
        int made = gpt.Generate([text[..Prompt]], new GenerationOptions { MaxNewTokens = tokens }).Sequences[0].Generated.Count;
        if (made != tokens)
            throw new GraftException($"{made} tokens were made, not {tokens}");
    }

    private static double Compare(float[] logits, float[] expected, string precision)
    {
        double deviation = OutputCheck.Deviation(logits, expected), allowed = GpuPrecisions.Tolerance(precision);
        return deviation <= allowed ? deviation : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"the logits deviate from the processor's by {deviation:g3}; {allowed:g3} is allowed; it is not timed"));
    }

    private static GpuRow Train(GpuRow row, Gpt2Config config, int sequences, int length, GpuClock clock, GpuResults results)
    {
        const int CheckedSequences = 1, CheckedLength = 8;
        double deviation = GpuSteps.Compare(FirstLoss(config, CheckedSequences, CheckedLength, BenchGpu.Device, row.Precision), FirstLoss(config, CheckedSequences, CheckedLength, Device.Cpu, GpuPrecisions.Float32), row.Precision);
        using GraftStep graft = Open(config, sequences, length, BenchGpu.Device, row.Precision);
        graft.Run();
        results.Add(new GpuRow { Part = GpuRow.Check, Name = row.Name, Precision = row.Precision, Values = [graft.Loss] });
        return clock.Measure(row with { Deviation = deviation }, graft.Run, budget: 1, warmUp: GpuClock.StepWarmUp);
    }

    private static float FirstLoss(Gpt2Config config, int sequences, int length, Device device, string precision)
    {
        using GraftStep graft = Open(config, sequences, length, device, precision);
        graft.Run();
        return graft.Loss;
    }

    private static GraftStep Open(Gpt2Config config, int sequences, int length, Device device, string precision)
    {
        return new GraftStep(Fill(Gpt2.Build(config, length), device), Texts, LabelKind.Sparse, Loss.SparseCategoricalCrossEntropy(fromLogits: true), new AdamW(1e-4f), precision: GpuPrecisions.Of(precision));

        Batch Texts(Model model)
        {
            int[] ids = Numbers.Ids("texts", sequences * (length + 1), config.VocabularySize);
            float[] Part(int start) => [.. Enumerable.Range(0, sequences).SelectMany(s => ids.Skip(s * (length + 1) + start).Take(length)).Select(i => (float)i)];
            return new Batch(Part(0), new Shape(sequences, length), Part(1), new Shape(sequences, length));
        }
    }
}

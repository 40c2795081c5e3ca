using System.Globalization;
using Graft.Bench.Onnx;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>
/// GPT-2 of 124 million parameters: a prompt of 4 tokens continued to 50, greedily, from weights of 32, 16 and 8 bits, also four at a time; and reading a prompt of 512. ONNX
/// Runtime beside what is computed in floats; it reads the short prompt token by token.
/// </summary>
internal sealed class Gpt2Case : IQuickCase
{
    private const int Prompt = 4, MaxLength = 50, LongPrompt = 512;
    private const double Budget = 3; // seconds a line and its peer

    /// <summary>What is timed; decoding is from weights of a precision, all else from floats.</summary>
    internal readonly record struct Line(string Name, WeightPrecision Precision, bool Decodes, bool HasPeer, int Texts = 1)
    {
        public int Tokens => Decodes ? Prompt : LongPrompt;
    }

    internal static readonly Line[] Lines =
    [
        new("gpt2-decode-f32", WeightPrecision.Float32, Decodes: true, HasPeer: true), new("gpt2-decode-bf16", WeightPrecision.BFloat16, Decodes: true, HasPeer: false),
        new("gpt2-decode-int8", WeightPrecision.Int8, Decodes: true, HasPeer: false), new("gpt2-prefill-512", WeightPrecision.Float32, Decodes: false, HasPeer: true),
    ];

    // Side by side, as a server continues them.
    private static readonly Line[] s_several =
    [
        new("gpt2-decode-x4-f32", WeightPrecision.Float32, Decodes: true, HasPeer: false, Texts: 4), new("gpt2-decode-x4-bf16", WeightPrecision.BFloat16, Decodes: true, HasPeer: false, Texts: 4),
        new("gpt2-decode-x4-int8", WeightPrecision.Int8, Decodes: true, HasPeer: false, Texts: 4),
    ];

    private static IEnumerable<Line> All => [.. Lines, .. s_several];

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [.. All.Select(l => l.Name), .. Lines.Where(l => l.HasPeer).Select(l => $"ort-{l.Name}")];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        Gpt2 model = Gpt2.Build(Gpt2Config.Small);
        bool fine = true;
        foreach (Line each in All.Where(l => options.Wants(l.Name) || options.Wants($"ort-{l.Name}")))
            fine &= Run(model, each, line, note);
        model.Release();
        return fine;
    }

    /// <summary>A line on the device where the model is; the last logits go to <paramref name="logits"/>.</summary>
    public static Contender Open(Gpt2 model, Line of, string name, float[] logits)
    {
        model.Precision = of.Precision;
        int[] tokens = Tokens(model);
        return Contender.Rate(name, "tokens/s", of.Decodes ? of.Texts * (MaxLength - Prompt) : LongPrompt, () => Read(model, of, tokens, logits));
    }

    private static int[] Tokens(Gpt2 model) => [.. Enumerable.Range(0, LongPrompt).Select(i => i * 7919 % model.VocabularySize)];

    private static bool Run(Gpt2 model, Line of, Action<string> line, Action<string> note)
    {
        var logits = new float[model.VocabularySize];
        Contender ours = Open(model, of, of.Name, logits);
        int[] tokens = Tokens(model);
        using OrtGpt2? ort = of.HasPeer ? new OrtGpt2(model, of.Decodes ? 1 : LongPrompt, of.Decodes, CpuThreads.Count) : null;
        List<Contender> contenders = [ours];
        if (ort is not null)
        {
            int length = of.Decodes ? MaxLength - 1 : LongPrompt;
            contenders.Add(Contender.Rate($"ort-{of.Name}", "tokens/s", length, () => ort.Read(tokens.AsSpan(0, of.Tokens), length, Largest)));
            contenders.ForEach(c => c.Run());
            double deviation = OutputCheck.Deviation(logits, ort.Logits);
            if (!(deviation <= OutputCheck.Tolerance))
            {
                note(string.Create(CultureInfo.InvariantCulture, $"{of.Name}: Graft's logits deviate from ONNX Runtime's by {deviation:g3}; {OutputCheck.Tolerance:g3} is allowed. It is not timed."));
                return false;
            }
        }
        double[][] seconds = PairedRounds.Measure(contenders, Budget);
        if (ort is not null)
        {
            double ratio = PairedRounds.Median(seconds[0].Zip(seconds[1], (ours, theirs) => contenders[0].Figure(ours) / contenders[1].Figure(theirs)));
            note(string.Create(CultureInfo.InvariantCulture, $"{of.Name}: Graft runs at {ratio:g4} times ONNX Runtime's speed"));
        }
        foreach (string text in contenders.Zip(seconds, QuickBench.Line))
            line(text);
        return true;
    }

    private static int Largest(float[] logits) => Array.IndexOf(logits, logits.Max());

    private static void Read(Gpt2 model, Line of, int[] tokens, float[] logits)
    {
        if (of.Texts > 1)
        {
            using var batch = new ContinuousBatch(model);
            for (int i = 0; i < of.Texts; i++)
                batch.Add(tokens[(i * of.Tokens)..((i + 1) * of.Tokens)], new GenerationOptions { MaxLength = MaxLength });
            while (batch.Texts.Count > 0)
                batch.Step();
            return;
        }
        using CausalSession session = model.Open(1, of.Decodes ? MaxLength : LongPrompt);
        session.Read([tokens[..of.Tokens]], logits);
        while (of.Decodes && session.Length(0) < MaxLength - 1)
            session.Read([[Largest(logits)]], logits);
    }
}

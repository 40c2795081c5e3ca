using Graft.Bench.Onnx;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>
/// GPT-2 of 124 million parameters, in Graft and in ONNX Runtime: a prompt of 4 tokens continued to 50, greedily; and reading a prompt of 512. Both
/// hold a copy of the weights for each.
/// </summary>
internal sealed class Gpt2Bench : IDisposable
{
    private const int Prompt = 4, MaxLength = 50, LongPrompt = 512;

    private readonly Gpt2 _model = Gpt2.Build(Gpt2Config.Small);
    private readonly OrtGpt2 _ort;
    private readonly bool _decodes;
    private readonly float[] _logits;
    private readonly int[] _tokens;

    /// <param name="name">One of <see cref="Names"/>.</param>
    public Gpt2Bench(string name)
    {
        _decodes = name == Names[0];
        _logits = new float[_model.VocabularySize];
        _tokens = [.. Enumerable.Range(0, LongPrompt).Select(i => i * 7919 % _model.VocabularySize)];
        _ort = new OrtGpt2(_model, _decodes ? 1 : LongPrompt, _decodes, CpuThreads.Count);
        Contenders = _decodes
            ? [Contender.Rate(name, "tokens/s", MaxLength - Prompt, Run), Contender.Rate($"ort-{name}", "tokens/s", MaxLength - 1, RunOrt)] // that reads the prompt token by token
            : [Contender.Rate(name, "tokens/s", LongPrompt, Run), Contender.Rate($"ort-{name}", "tokens/s", LongPrompt, RunOrt)];
    }

    /// <summary>Names of the lines.</summary>
    public static string[] Names { get; } = ["gpt2-decode-f32", "gpt2-prefill-512"];

    /// <summary>Graft, then its peer.</summary>
    public IReadOnlyList<Contender> Contenders { get; }

    /// <summary>Runs both and returns the largest deviation of the logits behind the last token; see <see cref="OutputCheck"/>.</summary>
    public double Deviation()
    {
        Run();
        RunOrt();
        return OutputCheck.Deviation(_logits, _ort.Logits);
    }

    public void Dispose()
    {
        _ort.Dispose();
        _model.Release();
    }

    private static int Largest(float[] logits) => Array.IndexOf(logits, logits.Max());

    private void Run()
    {
        using CausalSession session = _model.Open(1, _decodes ? MaxLength : LongPrompt);
        session.Read([_tokens[..(_decodes ? Prompt : LongPrompt)]], _logits);
        while (_decodes && session.Length(0) < MaxLength - 1)
            session.Read([[Largest(_logits)]], _logits);
    }

    private void RunOrt()
    {
        if (_decodes)
            _ort.Read(_tokens.AsSpan(0, Prompt), MaxLength - 1, Largest);
        else
            _ort.Read(_tokens, LongPrompt, Largest);
    }
}

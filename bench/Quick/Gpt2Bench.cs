using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>GPT-2 of 124 million parameters: continuing a text token by token, and reading a long prompt.</summary>
internal sealed class Gpt2Bench : IDisposable
{
    private const int Prompt = 4, MaxLength = 50, LongPrompt = 512;

    private readonly Gpt2 _model = Gpt2.Build(Gpt2Config.Small);
    private readonly float[] _logits;
    private readonly int[] _long;

    public Gpt2Bench()
    {
        _logits = new float[_model.VocabularySize];
        _long = [.. Enumerable.Range(0, LongPrompt).Select(i => i * 7919 % _model.VocabularySize)];
    }

    /// <summary>Names of the lines.</summary>
    public static string[] Names { get; } = ["gpt2-decode-f32", "gpt2-prefill-512"];

    /// <summary>What is timed.</summary>
    public Contender[] Contenders => [Contender.Rate(Names[0], "tokens/s", MaxLength - Prompt, Decode), Contender.Rate(Names[1], "tokens/s", LongPrompt, Prefill)];

    public void Dispose() => _model.Release();

    /// <summary>A prompt of 4 tokens continued to 50, greedily.</summary>
    private void Decode()
    {
        using CausalSession session = _model.Open(1, MaxLength);
        session.Read([_long[..Prompt]], _logits);
        while (session.Length(0) < MaxLength - 1)
            session.Read([[Array.IndexOf(_logits, _logits.Max())]], _logits);
    }

    private void Prefill()
    {
        using CausalSession session = _model.Open(1, LongPrompt);
        session.Read([_long], _logits);
    }
}

using System.Numerics;
using System.Runtime.InteropServices;

namespace Graft.Models;

/// <summary>Continues one prompt with tokens that are probable and whose hidden state is unlike all before: (1 - a) * p - a * max(cosine).</summary>
/// <remarks>Su et al. 2022, arXiv:2202.06417, section 3.2; transformers' contrastive search. The candidates are read side by side.</remarks>
internal sealed class ContrastiveSearch
{
    private readonly GenerationOptions _options;
    private readonly GenerationLengths _lengths;
    private readonly int[] _prompt;
    private readonly int _vocabulary;
    private readonly LogitsChain _chain;
    private readonly float[] _probabilities;
    private readonly int[][] _ranked;
    private readonly TopSelection _top;
    private readonly List<(double Score, int Index)> _candidates = [];
    private readonly StopStringWatch? _watch;

    public ContrastiveSearch(int[] prompt, int vocabulary, GenerationOptions options, GenerationLengths lengths)
    {
        (_prompt, _vocabulary, _options, _lengths) = (prompt, vocabulary, options, lengths);
        int ranked = Math.Min(options.TopK, vocabulary);
        _chain = LogitsChain.Of(options, lengths, vocabulary);
        _probabilities = new float[vocabulary];
        _ranked = [.. Enumerable.Range(0, ranked).Select(_ => new int[1])];
        _top = new TopSelection(ranked);
        _watch = options.StopStrings.Count == 0 ? null : new StopStringWatch(options.StopStrings, options.TokenText!());
    }

    /// <summary>Continues the prompt to the end.</summary>
    /// <param name="model">The model; its sessions give hidden states.</param>
    /// <param name="row">The prompt as it was given, its padding included.</param>
    /// <param name="index">Which of the prompts it is.</param>
    /// <param name="cancellation">Looked at before every token.</param>
    public GeneratedSequence Run(ICausalModel model, ReadOnlySpan<int> row, int index, CancellationToken cancellation)
    {
        using CausalSession session = model.Open(_ranked.Length, _lengths.Total);
        int size = session.HiddenSize;
        var logits = new float[_ranked.Length * _vocabulary];
        var context = new float[(_lengths.Total + _ranked.Length) * size]; // hidden states of what stands, each of length 1
        var hidden = new float[_ranked.Length * size];
        var parents = new int[_ranked.Length];
        int[] tokens = [.. row, .. new int[_lengths.New]];
        int seen = _prompt.Length, written = row.Length;

        session.Read([_prompt, .. Enumerable.Repeat<int[]>([_prompt[0]], _ranked.Length - 1)], logits, context.AsSpan(0, (seen + _ranked.Length - 1) * size));
        session.Reorder(parents); // all go on from the first
        for (int i = 0; i < seen; i++)
            ScaleToUnit(context.AsSpan(i * size, size));
        for (int generated = 0; ; generated++)
        {
            cancellation.ThrowIfCancellationRequested();
            Rank(tokens.AsSpan(0, written), generated, logits.AsSpan(0, _vocabulary));
            session.Read(_ranked, logits, hidden);
            int best = Best(context.AsSpan(0, seen * size), hidden, size);
            int token = tokens[written++] = _ranked[best][0];
            if (Finish(token, generated) is FinishReason finish)
                return new GeneratedSequence(index, [.. _prompt, .. tokens[row.Length..written]], _prompt.Length, Score: null, finish);
            hidden.AsSpan(best * size, size).CopyTo(context.AsSpan(seen++ * size));
            logits.AsSpan(best * _vocabulary, _vocabulary).CopyTo(logits);
            Array.Fill(parents, best);
            session.Reorder(parents);
        }
    }

    // The most probable tokens, in order.
    private void Rank(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        _chain.Apply(tokens, generated, logits);
        LogProbabilities.Softmax(logits, _probabilities);
        _top.Clear();
        _top.Offer(_probabilities, add: 0, firstIndex: 0);
        _top.TakeSorted(_candidates);
        for (int i = 0; i < _ranked.Length; i++)
            _ranked[i][0] = _candidates[i].Index;
    }

    private int Best(ReadOnlySpan<float> context, Span<float> hidden, int size)
    {
        float alpha = _options.PenaltyAlpha!.Value;
        int best = 0;
        double bestScore = double.NegativeInfinity;
        for (int i = 0; i < _ranked.Length; i++)
        {
            Span<float> state = hidden.Slice(i * size, size);
            ScaleToUnit(state);
            float likeness = float.NegativeInfinity;
            for (int j = 0; j < context.Length; j += size)
                likeness = MathF.Max(likeness, Dot(context.Slice(j, size), state));
            double score = (1 - alpha) * _candidates[i].Score - alpha * likeness;
            if (score > bestScore)
                (best, bestScore) = (i, score);
        }
        return best;
    }

    private FinishReason? Finish(int token, int generated) =>
        _options.EosTokenIds.Contains(token) ? FinishReason.EndOfText
        : _watch?.Completes(token) == true ? FinishReason.StopString
        : generated + 1 == _lengths.New ? FinishReason.Length : null;

    private static void ScaleToUnit(Span<float> x)
    {
        float norm = MathF.Sqrt(Dot(x, x));
        foreach (ref float v in x)
            v /= norm;
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ReadOnlySpan<Vector<float>> va = MemoryMarshal.Cast<float, Vector<float>>(a), vb = MemoryMarshal.Cast<float, Vector<float>>(b);
        var sums = Vector<float>.Zero;
        for (int i = 0; i < va.Length; i++)
            sums += va[i] * vb[i];
        float sum = Vector.Sum(sums);
        for (int i = va.Length * Vector<float>.Count; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}

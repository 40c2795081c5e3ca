namespace Graft.Models;

/// <summary>What options make of the logits of a next token, in the order of transformers' <c>generate()</c>: penalties, then what narrows sampling.</summary>
internal sealed class LogitsChain
{
    private readonly LogitsProcessor[] _processors;

    private LogitsChain(LogitsProcessor[] processors) => _processors = processors;

    /// <summary>The steps, first to last.</summary>
    public IReadOnlyList<LogitsProcessor> Steps => _processors;

    /// <summary>True where there is nothing but temperature, top k and top p.</summary>
    public bool NarrowsOnly => Array.TrueForAll(_processors, p => p is Temperature or TopK or TopP);

    /// <summary>The chain of options.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="lengths">Lengths of prompt and continuation.</param>
    /// <param name="vocabulary">Numbers in a row of logits.</param>
    public static LogitsChain Of(GenerationOptions options, GenerationLengths lengths, int vocabulary) =>
        new([.. Penalties(options, lengths, vocabulary), .. options.DoSample ? Narrowing(options, vocabulary) : []]);

    /// <summary>Changes a row in place.</summary>
    public void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        foreach (LogitsProcessor processor in _processors)
            processor.Apply(tokens, generated, logits);
    }

    private static IEnumerable<LogitsProcessor> Penalties(GenerationOptions o, GenerationLengths lengths, int vocabulary)
    {
        IReadOnlyList<int> eos = o.EosTokenIds;
        bool bosIsForced = o.ForcedBosTokenId is not null && lengths.Prompt == 1;
        if (o.RepetitionPenalty != 1)
            yield return new RepetitionPenalty(o.RepetitionPenalty, vocabulary);
        if (o.NoRepeatNgramSize > 0)
            yield return new NoRepeatNgram(o.NoRepeatNgramSize);
        if (o.BadWordsIds.Count > 0)
            yield return new BadWords(o.BadWordsIds, eos);
        if ((o.MinLength > 0 || o.MinNewTokens > 0) && eos.Count > 0)
            yield return new MinNewTokens(lengths.LeastNew, eos);
        if (bosIsForced)
            yield return new ForcedToken(o.ForcedBosTokenId!.Value, place: 0);
        if (o.ForcedEosTokenId is int last)
            yield return new ForcedToken(last, place: lengths.New - 1);
        if (o.ExponentialDecayLengthPenalty is (int start, float factor))
            yield return new ExponentialDecay(start, factor, eos);
        if (o.SuppressTokens.Count > 0)
            yield return new SuppressTokens(o.SuppressTokens);
        if (o.BeginSuppressTokens.Count > 0)
            yield return new BeginSuppressTokens(o.BeginSuppressTokens, place: bosIsForced ? 1 : 0);
        foreach (LogitsProcessor own in o.LogitsProcessors)
            yield return own;
        if (o.RenormalizeLogits)
            yield return new LogitNormalization();
    }

    private static IEnumerable<LogitsProcessor> Narrowing(GenerationOptions o, int vocabulary)
    {
        // Beams need a token that goes on, however many end the text.
        int leastKept = o.NumBeams > 1 ? Math.Max(2, 1 + o.EosTokenIds.Count) : 1;
        if (o.Temperature != 1)
            yield return new Temperature(o.Temperature);
        if (o.TopK > 0)
            yield return new TopK(o.TopK, leastKept, vocabulary);
        if (o.TopP < 1)
            yield return new TopP(o.TopP, leastKept, vocabulary);
        if (o.TypicalP < 1)
            yield return new TypicalP(o.TypicalP, leastKept, vocabulary);
        if (o.EpsilonCutoff > 0)
            yield return new ProbabilityCutoff(o.EpsilonCutoff, byEntropy: false, leastKept, vocabulary);
        if (o.EtaCutoff > 0)
            yield return new ProbabilityCutoff(o.EtaCutoff, byEntropy: true, leastKept, vocabulary);
        if (o.RenormalizeLogits)
            yield return new LogitNormalization();
    }
}

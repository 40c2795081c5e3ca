namespace Graft.Models;

/// <summary>Carries several continuations of each prompt on and keeps the best: beam search, diverse beam search in groups, and sampling of beams.</summary>
/// <remarks>
/// Transformers' beam search, group beam search and beam sampling with its BeamSearchScorer. Where a list of tokens may end a text, the first of
/// the list stands at the end whichever came, as there. Diverse groups: Vijayakumar et al. 2016, arXiv:1610.02424, section 4.
/// </remarks>
internal sealed class BeamSearch
{
    // transformers' score of the copies of a first beam: none of theirs is chosen before all of the first beam's.
    private const double NotYet = -1e9;

    private readonly GenerationOptions _options;
    private readonly GenerationLengths _lengths;
    private readonly PromptBatch _prompts;
    private readonly LogitsChain _chain;
    private readonly TokenRows _rows;
    private readonly TopSelection _top;
    private readonly BeamHypotheses[] _found;
    private readonly bool[] _done;
    private readonly int _vocabulary, _groupSize, _seed;
    private readonly float[] _logits;
    private readonly double[] _scores, _nextScores;
    private readonly int[] _parents;
    private readonly int[][] _next;
    private readonly List<(double Score, int Index)> _candidates = [];

    public BeamSearch(PromptBatch prompts, int vocabulary, GenerationOptions options, GenerationLengths lengths)
    {
        (_prompts, _vocabulary, _options, _lengths) = (prompts, vocabulary, options, lengths);
        _groupSize = options.NumBeams / options.NumBeamGroups;
        _seed = options.Seed ?? Random.Shared.Next();
        int beams = prompts.Count * options.NumBeams, groups = prompts.Count * options.NumBeamGroups;
        _chain = LogitsChain.Of(options, lengths, vocabulary);
        _rows = new TokenRows(prompts, options.NumBeams, lengths);
        _top = new TopSelection(Math.Max(2, 1 + options.EosTokenIds.Count) * _groupSize); // as many that go on as beams, even if the best all end
        _found = [.. Enumerable.Range(0, groups).Select(_ => new BeamHypotheses(_groupSize, options, lengths))];
        _done = new bool[groups];
        _logits = new float[beams * vocabulary];
        (_scores, _nextScores, _parents) = (new double[beams], new double[beams], new int[beams]);
        _next = [.. Enumerable.Range(0, beams).Select(_ => new int[1])];
        for (int beam = 0; beam < beams; beam++)
            _scores[beam] = options.DoSample || beam % _groupSize == 0 ? 0 : NotYet;
    }

    /// <summary>Searches to the end.</summary>
    public GenerationResult Run(ICausalModel model, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using CausalSession session = _prompts.Read(model, _options.NumBeams, _lengths, _logits);
        for (int step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int group = 0; group < _found.Length; group++)
                Advance(group, step);
            _rows.Reorder(_parents);
            for (int beam = 0; beam < _next.Length; beam++)
                _rows.Append(beam, _next[beam][0]);
            _nextScores.CopyTo(_scores, 0);
            if (step + 1 == _lengths.New || Array.TrueForAll(_done, d => d))
                return Result();
            session.Reorder(_parents);
            session.Read(_next, _logits);
        }
    }

    // Chooses what the beams of a group go on with.
    private void Advance(int group, int step)
    {
        int first = group * _groupSize;
        if (_done[group])
        {
            for (int beam = first; beam < first + _groupSize; beam++)
                (_parents[beam], _nextScores[beam]) = (beam, 0); // its last token is read again: the model reads all beams or none
            return;
        }
        FindCandidates(group, step);
        int place = first;
        for (int rank = 0; place < first + _groupSize; rank++)
        {
            (double score, int index) = _candidates[rank];
            int token = index % _vocabulary, beam = first + index / _vocabulary;
            if (!_options.EosTokenIds.Contains(token))
            {
                (_parents[place], _nextScores[place], _next[place][0]) = (beam, score, token);
                place++;
            }
            else if (rank < _groupSize)
            {
                _found[group].Add([.. _rows.Generated(beam), _options.EosTokenIds[0]], score, FinishReason.EndOfText);
            }
        }
        _done[group] = _found[group].IsDone(_candidates[0].Score, step + 1);
    }

    // The best pairs of a beam and its next token, or as many drawn; the most probable first.
    private void FindCandidates(int group, int step)
    {
        int first = group * _groupSize;
        _top.Clear();
        for (int i = 0; i < _groupSize; i++)
        {
            Span<float> row = Row(first + i);
            LogProbabilities.Normalize(row);
            Diversify(group, row);
            _chain.Apply(_rows[first + i], step, row);
            if (_options.DoSample)
                OfferPerturbed(row, _scores[first + i], i * _vocabulary, RandomSeed.Of(_seed, first, step));
            else
                _top.Offer(row, _scores[first + i], i * _vocabulary);
        }
        _top.TakeSorted(_candidates);
        if (!_options.DoSample)
            return;
        for (int i = 0; i < _candidates.Count; i++)
            _candidates[i] = (Row(first + _candidates[i].Index / _vocabulary)[_candidates[i].Index % _vocabulary] + _scores[first + _candidates[i].Index / _vocabulary], _candidates[i].Index);
        _candidates.Sort((a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Index.CompareTo(b.Index));
    }

    private void OfferPerturbed(ReadOnlySpan<float> row, double score, int firstIndex, ulong stream)
    {
        for (int i = 0; i < row.Length; i++)
        {
            double sum = score + row[i];
            _top.Offer(double.IsNegativeInfinity(sum) ? sum : TokenSampler.Perturbed(sum, stream, firstIndex + i), firstIndex + i);
        }
    }

    // What earlier groups of the prompt chose in this step becomes less likely.
    private void Diversify(int group, Span<float> logits)
    {
        int prompt = group / _options.NumBeamGroups;
        for (int beam = prompt * _options.NumBeams; beam < group * _groupSize; beam++)
            logits[_next[beam][0]] -= _options.DiversityPenalty;
    }

    private Span<float> Row(int beam) => _logits.AsSpan(beam * _vocabulary, _vocabulary);

    private GenerationResult Result()
    {
        var sequences = new List<GeneratedSequence>();
        for (int beam = 0; beam < _next.Length; beam++)
        {
            if (!_done[beam / _groupSize])
                _found[beam / _groupSize].Add(_rows.Generated(beam).ToArray(), _scores[beam], FinishReason.Length);
        }
        for (int prompt = 0; prompt < _prompts.Count; prompt++)
        {
            int[] tokens = _prompts.Tokens(prompt);
            IEnumerable<BeamHypotheses.Hypothesis> found = _found.Skip(prompt * _options.NumBeamGroups).Take(_options.NumBeamGroups).SelectMany(f => f.Kept);
            foreach (BeamHypotheses.Hypothesis h in found.Reverse().OrderByDescending(h => h.Score).Take(_options.NumReturnSequences)) // of equals the later, as there
                sequences.Add(new GeneratedSequence(prompt, [.. tokens, .. h.Generated], tokens.Length, h.Score, h.Finish));
        }
        return new GenerationResult(sequences, _prompts, _options);
    }
}

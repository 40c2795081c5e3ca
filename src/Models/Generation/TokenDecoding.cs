using System.Buffers;

namespace Graft.Models;

/// <summary>Continues prompts token by token: the most probable, or one drawn by probability.</summary>
/// <remarks>Transformers' greedy search and multinomial sampling.</remarks>
internal sealed class TokenDecoding : IDisposable
{
    private readonly GenerationOptions _options;
    private readonly GenerationLengths _lengths;
    private readonly PromptBatch _prompts;
    private readonly ICausalModel _model;
    private readonly LogitsChain _chain;
    private readonly TokenSampler? _sampler;
    private readonly TokenRows _rows;
    private readonly TokenChoice? _choice; // where the session can choose tokens itself
    private readonly float[] _logits;
    private readonly int[][] _next;
    private readonly int[] _read; // by the session, in its last step: those of ended sequences too
    private readonly FinishReason?[] _finish;
    private readonly StopStringWatch?[] _watches;
    private CausalSession? _session;
    private int _generated;

    public TokenDecoding(ICausalModel model, PromptBatch prompts, GenerationOptions options, GenerationLengths lengths)
    {
        int count = prompts.Count * options.NumReturnSequences, vocabulary = model.VocabularySize;
        (_model, _prompts, _options, _lengths) = (model, prompts, options, lengths);
        _chain = LogitsChain.Of(options, lengths, vocabulary);
        int seed = options.Seed ?? Random.Shared.Next();
        _sampler = options.DoSample ? new TokenSampler(seed, vocabulary) : null;
        _choice = TokenChoice.Of(options, _chain, seed);
        _rows = new TokenRows(prompts, options.NumReturnSequences, lengths);
        _logits = new float[count * vocabulary];
        _next = [.. Enumerable.Range(0, count).Select(_ => new int[1])];
        _read = new int[count];
        _finish = new FinishReason?[count];
        _watches = [.. Enumerable.Range(0, count).Select(_ => options.StopStrings.Count == 0 ? null : new StopStringWatch(options.StopStrings, options.TokenText!()))];
    }

    /// <summary>True when every sequence has ended.</summary>
    public bool IsDone { get; private set; }

    /// <summary>The token that the last step gave to a sequence.</summary>
    public int LastToken(int row) => _next[row][0];

    /// <summary>True where the prompt is read, so that a step reads the last token of each sequence alone.</summary>
    public bool HasBegun => _session is not null;

    /// <summary>True where its next step can read together with those of others.</summary>
    public bool StepsTogether => _session is { ReadsTogether: true };

    /// <summary>A step of several decodings of one sequence each, in one pass over the model's weights. Nobody has stepped where that fails.</summary>
    /// <param name="decodings">Those of one model whose <see cref="StepsTogether"/> is true.</param>
    /// <returns>For each why no token could be chosen, or null.</returns>
    /// <exception cref="GraftException">The model could not read.</exception>
    public static Exception?[] Step(IReadOnlyList<TokenDecoding> decodings)
    {
        int vocabulary = decodings[0]._model.VocabularySize;
        float[] logits = ArrayPool<float>.Shared.Rent(decodings.Count * vocabulary); // fresh memory for each token would keep the collector busy
        try
        {
            CausalSession[] sessions = [.. decodings.Select(d => d._session!)];
            sessions[0].ReadTogether(sessions, Array.ConvertAll([.. decodings], d => d._next[0][0]), logits.AsSpan(0, decodings.Count * vocabulary));
            var faults = new Exception?[decodings.Count];
            Parallel.For(0, decodings.Count, i =>
            {
                logits.AsSpan(i * vocabulary, vocabulary).CopyTo(decodings[i]._logits);
                faults[i] = decodings[i].TryGrow();
            });
            return faults;
        }
        finally
        {
            ArrayPool<float>.Shared.Return(logits);
        }
    }

    private Exception? TryGrow()
    {
        try
        {
            Grow(isChosen: false);
            return null;
        }
        catch (Exception e) // of its logits, or of a processor of the caller's: the others have theirs
        {
            return e;
        }
    }

    /// <summary>Every sequence that has not ended grows by a token. One that has ended is fed its last token again: the model reads all rows or none.</summary>
    public void Step()
    {
        bool isChosen = _session is { ChoosesTokens: true } && _choice is not null;
        if (_session is null)
            _session = _prompts.Read(_model, _options.NumReturnSequences, _lengths, _logits);
        else if (isChosen)
            _session.ReadAndChoose(_read, _choice!, _generated, _read);
        else
            _session.Read(_next, _logits);
        Grow(isChosen);
    }

    /// <summary>Chooses behind the logits, unless the device has chosen.</summary>
    private void Grow(bool isChosen)
    {
        for (int row = 0; row < _next.Length; row++)
        {
            if (_finish[row] is not null)
                continue;
            int token = isChosen ? _read[row] : _read[row] = Choose(row);
            _rows.Append(row, token);
            _next[row][0] = token;
            _finish[row] = Finish(row, token);
        }
        _generated++;
        IsDone = Array.TrueForAll(_finish, f => f is not null);
    }

    private int Choose(int row)
    {
        Span<float> logits = _logits.AsSpan(row * _model.VocabularySize, _model.VocabularySize);
        _chain.Apply(_rows[row], _generated, logits);
        return _sampler?.Draw(logits, row, _generated) ?? LogProbabilities.ArgMax(logits);
    }

    /// <summary>The sequences as they are.</summary>
    public GenerationResult Result()
    {
        var sequences = new GeneratedSequence[_next.Length];
        for (int row = 0; row < sequences.Length; row++)
        {
            int prompt = row / _options.NumReturnSequences;
            int[] tokens = _prompts.Tokens(prompt);
            sequences[row] = new GeneratedSequence(prompt, [.. tokens, .. _rows.Generated(row)], tokens.Length, Score: null, _finish[row] ?? FinishReason.Length);
        }
        return new GenerationResult(sequences, _prompts, _options);
    }

    public void Dispose() => _session?.Dispose();

    private FinishReason? Finish(int row, int token) =>
        _options.EosTokenIds.Contains(token) ? FinishReason.EndOfText
        : _watches[row]?.Completes(token) == true ? FinishReason.StopString
        : _generated + 1 == _lengths.New ? FinishReason.Length : null;
}

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
    private readonly float[] _logits;
    private readonly int[][] _next;
    private readonly FinishReason?[] _finish;
    private readonly StopStringWatch?[] _watches;
    private CausalSession? _session;
    private int _generated;

    public TokenDecoding(ICausalModel model, PromptBatch prompts, GenerationOptions options, GenerationLengths lengths)
    {
        int count = prompts.Count * options.NumReturnSequences, vocabulary = model.VocabularySize;
        (_model, _prompts, _options, _lengths) = (model, prompts, options, lengths);
        _chain = LogitsChain.Of(options, lengths, vocabulary);
        _sampler = options.DoSample ? new TokenSampler(options.Seed ?? Random.Shared.Next(), vocabulary) : null;
        _rows = new TokenRows(prompts, options.NumReturnSequences, lengths);
        _logits = new float[count * vocabulary];
        _next = [.. Enumerable.Range(0, count).Select(_ => new int[1])];
        _finish = new FinishReason?[count];
        _watches = [.. Enumerable.Range(0, count).Select(_ => options.StopStrings.Count == 0 ? null : new StopStringWatch(options.StopStrings, options.TokenText!()))];
    }

    /// <summary>True when every sequence has ended.</summary>
    public bool IsDone { get; private set; }

    /// <summary>The token that the last step gave to a sequence.</summary>
    public int LastToken(int row) => _next[row][0];

    /// <summary>Every sequence that has not ended grows by a token. One that has ended is fed its last token again: the model reads all rows or none.</summary>
    public void Step()
    {
        if (_session is null)
            _session = _prompts.Read(_model, _options.NumReturnSequences, _lengths, _logits);
        else
            _session.Read(_next, _logits);
        int vocabulary = _model.VocabularySize;
        for (int row = 0; row < _next.Length; row++)
        {
            if (_finish[row] is not null)
                continue;
            Span<float> logits = _logits.AsSpan(row * vocabulary, vocabulary);
            _chain.Apply(_rows[row], _generated, logits);
            int token = _sampler?.Draw(logits, row, _generated) ?? LogProbabilities.ArgMax(logits);
            _rows.Append(row, token);
            _next[row][0] = token;
            _finish[row] = Finish(row, token);
        }
        _generated++;
        IsDone = Array.TrueForAll(_finish, f => f is not null);
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

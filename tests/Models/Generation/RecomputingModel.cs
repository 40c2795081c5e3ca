using Graft.Models;

namespace Graft.Tests.Models.Generation;

/// <summary>A language model without a cache: a session keeps tokens only and computes everything anew at each reading. Checks that it is used as agreed.</summary>
internal abstract class RecomputingModel(int vocabulary, int maxLength, int hiddenSize) : ICausalModel
{
    public int VocabularySize => vocabulary;

    public int MaxLength => maxLength;

    /// <summary>Sessions that were opened and not disposed.</summary>
    public int OpenSessions { get; private set; }

    /// <summary>Tokens that all sessions have read.</summary>
    public int TokensRead { get; private set; }

    public CausalSession Open(int sequences, int capacity)
    {
        if (sequences < 1 || capacity < 1 || capacity > maxLength)
            throw new InvalidOperationException($"Open({sequences}, {capacity}) of a model of length {maxLength}.");
        OpenSessions++;
        return new Session(this, sequences, capacity, hiddenSize);
    }

    /// <summary>Logits behind a sequence; into hidden the states of all its tokens, where there is room.</summary>
    public abstract void Compute(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden);

    private sealed class Session(RecomputingModel model, int sequences, int capacity, int hiddenSize) : CausalSession
    {
        private List<int>[] _tokens = [.. Enumerable.Range(0, sequences).Select(_ => new List<int>())];
        private bool _disposed;

        public override int Sequences => sequences;

        public override int VocabularySize => model.VocabularySize;

        public override int Capacity => capacity;

        public override int HiddenSize => hiddenSize;

        public override int Length(int sequence) => _tokens[sequence].Count;

        public override void Read(IReadOnlyList<int[]> tokens, Span<float> logits) => ReadAll(tokens, logits, []);

        public override void Read(IReadOnlyList<int[]> tokens, Span<float> logits, Span<float> hidden)
        {
            if (hiddenSize == 0)
                base.Read(tokens, logits, hidden);
            if (hidden.Length != tokens.Sum(t => t.Length) * hiddenSize)
                throw new InvalidOperationException($"Room for {hidden.Length} numbers of hidden states.");
            ReadAll(tokens, logits, hidden);
        }

        private void ReadAll(IReadOnlyList<int[]> tokens, Span<float> logits, Span<float> hidden)
        {
            if (_disposed || tokens.Count != sequences || logits.Length != sequences * model.VocabularySize)
                throw new InvalidOperationException($"Read of {tokens.Count} rows into {logits.Length} logits.");
            for (int i = 0, at = 0; i < sequences; i++)
            {
                if (tokens[i].Length == 0 || _tokens[i].Count + tokens[i].Length > capacity || tokens[i].Any(t => t < 0 || t >= model.VocabularySize))
                    throw new InvalidOperationException($"Sequence {i} of length {_tokens[i].Count} reads {string.Join(',', tokens[i])}; capacity {capacity}.");
                _tokens[i].AddRange(tokens[i]);
                model.TokensRead += tokens[i].Length;
                var states = new float[_tokens[i].Count * hiddenSize];
                model.Compute(_tokens[i], logits.Slice(i * model.VocabularySize, model.VocabularySize), states);
                if (hidden.Length > 0)
                    states.AsSpan(^(tokens[i].Length * hiddenSize)..).CopyTo(hidden[at..]);
                at += tokens[i].Length * hiddenSize;
            }
        }

        public override void Reorder(ReadOnlySpan<int> parents)
        {
            if (parents.Length != sequences)
                throw new InvalidOperationException($"{parents.Length} parents of {sequences} sequences.");
            var next = new List<int>[sequences];
            for (int i = 0; i < sequences; i++)
                next[i] = [.. _tokens[parents[i]]];
            _tokens = next;
        }

        public override void Dispose()
        {
            if (!_disposed)
                model.OpenSessions--;
            _disposed = true;
        }
    }
}

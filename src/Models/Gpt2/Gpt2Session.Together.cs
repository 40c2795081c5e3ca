namespace Graft.Models;

internal sealed partial class Gpt2Session
{
    private Tensor? _logitsTogether;

    /// <summary>Where the device records work, a pass of one session is one launch already, which is bound to that session's memory.</summary>
    public override bool ReadsTogether => _decoding is null && Sequences == 1;

    public override void ReadTogether(IReadOnlyList<CausalSession> sessions, ReadOnlySpan<int> tokens, Span<float> logits)
    {
        if (tokens.Length != sessions.Count || logits.Length != (long)sessions.Count * VocabularySize)
            throw new GraftException($"GPT-2: {tokens.Length} tokens and room for {logits.Length} logits; {sessions.Count} sessions read a token each, and there are {VocabularySize} logits for each.");
        var all = new Gpt2Session[sessions.Count];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = sessions[i] is Gpt2Session { ReadsTogether: true } other && ReferenceEquals(other._layers, _layers) ? other
                : throw new GraftException($"GPT-2: session {i} does not read together with others; sessions of one sequence of the same model do, on a processor.");
            if (Array.IndexOf(all, all[i]) < i)
                throw new GraftException($"GPT-2: session {i} stands twice among those that read together.");
            all[i].Check([[tokens[i]]], VocabularySize);
        }
        PassTogether(all, tokens);
        Kernels.Memory.Download(_logitsTogether!.Data, logits);
        foreach (Gpt2Session session in all)
            session._lengths[0]++; // those that stay as they were until all is read
    }

    /// <summary>A token into each session. What goes row by row goes in one call; each session attends to its own keys and values.</summary>
    private void PassTogether(Gpt2Session[] sessions, ReadOnlySpan<int> tokens)
    {
        int rows = sessions.Length, width = _config.Width;
        Buffers b = Take(rows);
        for (int i = 0; i < rows; i++)
            (b.HostIds[i], b.HostPlaces[i]) = (tokens[i], sessions[i]._lengths[0]);
        Kernels.Memory.Upload<int>(b.HostIds.AsSpan(0, rows), b.Ids.IntData);
        Kernels.Memory.Upload<int>(b.HostPlaces.AsSpan(0, rows), b.Places.IntData);
        Embed(b, rows, b.Ids.IntData, b.Places.IntData);
        for (int k = 0; k < _layers.Blocks.Length; k++)
        {
            Gpt2Block block = _layers.Blocks[k];
            NormedDense(block.AttentionNorm, block.QueryKeyValue, rows, b.X.Data, b.Inner.Data, b);
            for (int i = 0; i < rows; i++)
            {
                Gpt2Session s = sessions[i];
                Kernels.CausalAttention.ForwardCached(s.Attention(1, 1) with { Scale = block.Scale }, b.Inner.Data.At(3L * i * width), b.Places.IntData.At(i), s._keys[k].Data, s._values[k].Data, b.Normed.Data.At((long)i * width));
            }
            AfterAttention(block, b, rows);
        }
        if (_logitsTogether is null || _logitsTogether.Shape[0] < rows)
        {
            GiveBack(ref _logitsTogether);
            _logitsTogether = Tensor.Allocate(_device, new Shape(rows, VocabularySize));
        }
        Head(b.X.Data, rows, _logitsTogether);
    }
}

using Graft.Layers;

namespace Graft.Models;

internal sealed partial class Gpt2Session
{
    public override bool ChoosesTokens => _decoding is not null;

    /// <summary>How passes of one token are handed to the device, for people and tests; empty where that is nothing special.</summary>
    public string Launches => _decoding?.Description ?? "";

    public override void ReadAndChoose(ReadOnlySpan<int> tokens, TokenChoice choice, int step, Span<int> chosen)
    {
        if (_decoding is null)
        {
            base.ReadAndChoose(tokens, choice, step, chosen);
            return;
        }
        if (chosen.Length != Sequences)
            throw new GraftException($"GPT-2: room for {chosen.Length} tokens; the session has {Sequences} sequences.");
        Check([.. tokens.ToArray().Select(t => new[] { t })], Sequences * VocabularySize);
        Decode(tokens, choice, step);
        _decoding.Read(chosen, Array.TrueForAll(_lengths, l => l < Capacity));
        foreach (int token in chosen)
            LogitsFault.Check(token);
    }

    /// <summary>One token into each sequence, on a device that records: from tokens and lengths that lie there to the logits and, where it is asked for, the choice.</summary>
    private void Decode(ReadOnlySpan<int> tokens, TokenChoice? choice, int step)
    {
        Buffers b = Take(Sequences);
        _decoding!.Bring(tokens, _lengths, step);
        _decoding.Run(choice, Revision, Addressed, () =>
        {
            Blocks(b, 0, Sequences, 1, _decoding.Tokens, _decoding.Counters, _decoding.Counters);
            Head(b.X.Data, Sequences, _logits);
            if (choice is not null)
                Kernels.TokenChoice.Forward(choice.Geometry(Sequences, VocabularySize), _logits.Data, _decoding.Counters, _decoding.Tokens);
        });
        for (int s = 0; s < Sequences; s++)
            _lengths[s]++;
    }

    private IEnumerable<Layer> Layers => [_layers.Tokens, _layers.Positions, .. _layers.Blocks.SelectMany(b => b.Layers), _layers.Norm, _layers.Head];

    /// <summary>Counts changes of what the layers compute, such as adapters that are merged.</summary>
    private int Revision
    {
        get
        {
            int sum = 0;
            foreach (Gpt2Block block in _layers.Blocks)
                sum += block.QueryKeyValue.Revision + block.AttentionOut.Revision + block.MlpIn.Revision + block.MlpOut.Revision;
            return sum + _layers.Head.Revision;
        }
    }

    /// <summary>Every tensor whose address a pass of one token has, but for those that only this session releases at its end.</summary>
    private Tensor[] Addressed() => [.. Layers.SelectMany(l => l.Parameters).Select(p => p.Value), .. _packed.Values.Select(p => p.Packed).OfType<Tensor>(), .. _buffers!.All,
        .. new[] { _low, _share }.OfType<Tensor>()];
}

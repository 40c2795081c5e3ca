namespace Graft.Kernels;

/// <summary>The dropout of attention weights [.., T queries, T keys]: by the element's number, so that backward makes the same mask.</summary>
internal readonly unsafe struct AttentionDropout(in CausalAttentionGeometry g, int head)
{
    private readonly ulong _seed = g.Seed;
    private readonly long _first = (long)head * g.T * g.T;
    private readonly int _t = g.T;

    /// <summary>Share that becomes 0.</summary>
    public float Rate { get; } = g.DropoutRate;

    /// <summary>The mask of a head, counted over all sequences.</summary>
    public AttentionDropout OfHead(int index) => new(new CausalAttentionGeometry(0, _t, 0, 0, 0, Rate, _seed), index);

    /// <summary>Multiplies the weights of a query by 0 or 1 / (1 - rate).</summary>
    public void Apply(float* weights, int query, int keys)
    {
        float scale = 1 / (1 - Rate);
        uint* words = stackalloc uint[4];
        long element = _first + (long)query * _t;
        for (int j = 0; j < keys; j++, element++)
        {
            if (j == 0 || element % 4 == 0)
                (words[0], words[1], words[2], words[3]) = Philox.Block(_seed, element / 4);
            weights[j] *= Philox.Unit(words[element % 4]) >= Rate ? scale : 0;
        }
    }
}

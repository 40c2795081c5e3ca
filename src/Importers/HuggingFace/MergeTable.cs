using System.Numerics;

namespace Graft.Importers.HuggingFace;

/// <summary>The merges of a byte-pair vocabulary: which two tokens become which, and in which order merges are tried.</summary>
/// <remarks>Sennrich et al. 2016, arXiv:1508.07909, algorithm 1. A lower rank is tried earlier; a pair named twice has its later rank, as a
/// Python dictionary would have it. The table is an own one, at most half full: Dictionary hashes a pair of numbers to the exclusive or of both,
/// which is the same for too many pairs of letters.</remarks>
internal sealed class MergeTable
{
    /// <summary>Rank of a pair that does not merge: behind all others.</summary>
    public const int Never = int.MaxValue;

    private const ulong Golden = 0x9E3779B97F4A7C15; // 2^64 / golden ratio (Knuth, TAOCP 3, 6.4): its product's upper bits depend on all bits of the key
    private const ulong Empty = ulong.MaxValue; // no pair: ids are not negative

    private readonly (ulong Pair, int Rank)[] _slots;
    private readonly int[] _products;
    private readonly int _shift;

    /// <summary>A table for up to <paramref name="capacity"/> merges.</summary>
    public MergeTable(int capacity)
    {
        int bits = BitOperations.Log2((uint)Math.Max(capacity, 1)) + 2;
        _slots = new (ulong, int)[1 << bits];
        Array.Fill(_slots, (Empty, Never));
        _products = new int[capacity];
        _shift = 64 - bits;
    }

    /// <summary>Number of merges.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the next merge: <paramref name="left"/> and <paramref name="right"/> become <paramref name="product"/>.</summary>
    public void Add(int left, int right, int product)
    {
        ulong pair = Pair(left, right);
        _slots[Slot(pair)] = (pair, Count);
        _products[Count++] = product;
    }

    /// <summary>Rank of a pair; <see cref="Never"/> if it does not merge.</summary>
    public int Rank(int left, int right) => _slots[Slot(Pair(left, right))].Rank;

    /// <summary>What the merge of this rank makes.</summary>
    public int Product(int rank) => _products[rank];

    /// <summary>The pairs with their ranks.</summary>
    public IEnumerable<(int Left, int Right, int Rank)> Pairs => _slots.Where(s => s.Pair != Empty).Select(s => ((int)(s.Pair >> 32), (int)(uint)s.Pair, s.Rank));

    // The slot of a pair, or the empty one where it would stand.
    private int Slot(ulong pair)
    {
        int slot = (int)((pair * Golden) >> _shift);
        while (_slots[slot].Pair != pair && _slots[slot].Pair != Empty)
            slot = (slot + 1) & (_slots.Length - 1);
        return slot;
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}

namespace Graft.Kernels;

/// <summary>
/// Philox4x32-10: four random words from a counter and a key, without state, so that every device and thread gives the same
/// numbers for the same element. Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
/// </summary>
public static class Philox
{
    // Multipliers and Weyl increments (golden ratio, sqrt(3) - 1) of the paper.
    private const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>The four words of a counter of 128 bits under a key of 64.</summary>
    public static (uint A, uint B, uint C, uint D) Words(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)M0 * c0, p1 = (ulong)M1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += W0;
            k1 += W1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>The words of elements 4 * block to 4 * block + 3 of the stream of a seed.</summary>
    public static (uint A, uint B, uint C, uint D) Block(ulong seed, long block) =>
        Words((uint)block, (uint)(block >> 32), 0, 0, (uint)seed, (uint)(seed >> 32));

    /// <summary>A word as a number in 0 (included) to 1 (excluded): its upper 24 bits, all of which a float holds.</summary>
    public static float Unit(uint word) => (word >> 8) * (1f / (1 << 24));
}

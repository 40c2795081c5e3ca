namespace Graft;

/// <summary>Seeds for independent streams of random numbers, the same on every machine and in every order of use.</summary>
public static class RandomSeed
{
    /// <summary>A seed made of a user's seed and the name of what it is for (FNV-1a over the name, then a mixer).</summary>
    public static int Of(int seed, string purpose)
    {
        ulong hash = 14695981039346656037; // FNV-1a offset basis
        foreach (char c in purpose)
            hash = (hash ^ c) * 1099511628211; // FNV-1a prime
        return (int)(Mix(hash ^ (uint)seed) >> 33);
    }

    /// <summary>A seed made of a user's seed and two counters: an epoch and a sample, a step and a layer.</summary>
    public static ulong Of(int seed, long first, long second) =>
        Mix(Mix(Mix((uint)seed) ^ (ulong)first) ^ (ulong)second);

    // SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit reaches every output bit.
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}

namespace Graft.Bench.Suite;

/// <summary>
/// Inputs and weights that follow from a name and a place alone, the same for every library and for Gpu/torch_bench.py, so that results can be compared: the numbers of
/// a shorter array begin those of a longer one.
/// </summary>
internal static class Numbers
{
    private const int Piece = 1 << 16;

    /// <summary>Numbers from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static float[] Of(string name, long count, double low = -1, double high = 1)
    {
        var values = new float[count];
        uint seed = Seed(name);
        Parallel.For(0, (count + Piece - 1) / Piece, piece =>
        {
            for (long i = piece * Piece; i < Math.Min(count, (piece + 1) * Piece); i++)
                values[i] = (float)(low + (Mix((uint)i * 0x9E3779B9u ^ seed) >> 8) * (1.0 / (1 << 24)) * (high - low));
        });
        return values;
    }

    /// <summary>Whole numbers from 0 to below <paramref name="end"/>.</summary>
    public static int[] Ids(string name, int count, int end)
    {
        uint seed = Seed(name);
        return [.. Enumerable.Range(0, count).Select(i => (int)(Mix((uint)i * 0x9E3779B9u ^ seed) % (uint)end))];
    }

    /// <summary>FNV-1a of the name's bytes.</summary>
    private static uint Seed(string name)
    {
        uint hash = 2166136261;
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 16777619;
        return hash;
    }

    /// <summary>The last steps of MurmurHash3: every bit of the result depends on every bit of the number.</summary>
    private static uint Mix(uint h)
    {
        h = (h ^ (h >> 16)) * 0x85EBCA6B;
        h = (h ^ (h >> 13)) * 0xC2B2AE35;
        return h ^ (h >> 16);
    }
}

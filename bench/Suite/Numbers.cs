namespace Graft.Bench.Suite;

/// <summary>Inputs by name, the same for every library: the numbers of a shorter array begin those of a longer one.</summary>
internal static class Numbers
{
    /// <summary>Numbers from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static float[] Of(string name, long count, double low = -1, double high = 1)
    {
        var random = new Random(Seed(name));
        var values = new float[count];
        foreach (ref float v in values.AsSpan())
            v = (float)(low + random.NextDouble() * (high - low));
        return values;
    }

    /// <summary>Whole numbers from 0 to below <paramref name="end"/>.</summary>
    public static int[] Ids(string name, int count, int end)
    {
        var random = new Random(Seed(name));
        var values = new int[count];
        foreach (ref int v in values.AsSpan())
            v = random.Next(end);
        return values;
    }

    private static int Seed(string name) => name.Aggregate(17, (seed, letter) => unchecked(seed * 31 + letter)); // string.GetHashCode differs by process
}

namespace Graft.Tests.Fuzz;

/// <summary>Changes bytes at random; what changes follows from the random numbers alone.</summary>
internal delegate byte[] Mutation(byte[] bytes, Random random);

/// <summary>A reader under test.</summary>
/// <param name="Name">"safetensors", "hdf5", ...</param>
/// <param name="Entry">The file that is opened; empty where it is the folder.</param>
/// <param name="Seeds">Files that can be read.</param>
/// <param name="Structured">The changes that know a file's format, by the file's name.</param>
/// <param name="Steps">What is done with the path, each by itself: what one refuses, the next tries.</param>
internal sealed record FuzzTarget(string Name, string Entry, Func<IReadOnlyList<FuzzFiles>> Seeds, Func<string, IReadOnlyList<Mutation>> Structured, IReadOnlyList<Action<string>> Steps)
{
    private const int MostChanges = 4;

    private IReadOnlyList<FuzzFiles>? _seeds;

    /// <summary>The seeds, made once.</summary>
    public IReadOnlyList<FuzzFiles> Files => _seeds ??= Seeds();

    /// <summary>Bytes that reading may allocate beyond four times the input: 64 MB, and for images what their header says, up to the limit of pixels.</summary>
    public long Allowance { get; init; } = 64L << 20;

    /// <summary>The input of an iteration: the same for the same seed, on every machine.</summary>
    public FuzzFiles Input(int seed, long iteration)
    {
        var random = new Random(unchecked((int)(Mixed((ulong)(uint)seed << 32 ^ (ulong)iteration ^ (ulong)Name.Sum(c => c) << 48) >> 33)));
        FuzzFiles origin = Files[random.Next(Files.Count)];
        var files = new FuzzFiles();
        foreach ((string name, byte[] bytes) in origin)
            files[name] = bytes;
        string[] names = [.. files.Keys.Order(StringComparer.Ordinal)];
        int changes = random.Next(2) == 0 ? 1 : 1 + random.Next(MostChanges);
        for (int i = 0; i < changes; i++)
        {
            string name = names[random.Next(names.Length)];
            files[name] = Changed(files[name], name, random);
        }
        return files;
    }

    private byte[] Changed(byte[] bytes, string name, Random random)
    {
        IReadOnlyList<Mutation> structured = Structured(name);
        if (random.Next(16) == 0)
            return ByteMutations.Splice(bytes, Files[random.Next(Files.Count)].Values.ElementAt(0), random);
        Mutation mutation = structured.Count > 0 && random.Next(3) > 0 ? structured[random.Next(structured.Count)] : ByteMutations.Any;
        byte[] changed = mutation(bytes, random);
        return changed.Length <= Math.Max(1 << 20, 2 * bytes.Length) ? changed : changed[..(1 << 20)];
    }

    // SplitMix64 (Steele et al. 2014): neighbouring iterations get unlike numbers.
    private static ulong Mixed(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

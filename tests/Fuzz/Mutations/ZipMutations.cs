using System.IO.Compression;
using System.Security.Cryptography;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of zip archives: parts changed and packed anew with a right checksum, renamed, twice, packed, or with fields of the directory that are not true.</summary>
internal static class ZipMutations
{
    private static readonly string[] s_names = ["../x", "/etc/passwd", "a\\b", "", "x\n\u001b[2J", "tensors.bin", "config.json", "model.weights.h5"];

    private static readonly byte[][] s_signatures = [[0x50, 0x4B, 1, 2], [0x50, 0x4B, 3, 4], [0x50, 0x4B, 5, 6], [0x50, 0x4B, 6, 6], [0x50, 0x4B, 6, 7]];

    /// <summary>Changes where parts are changed by what knows them.</summary>
    /// <param name="parts">The changes of a part, by its name.</param>
    /// <param name="hashed">True for .graft: its "sha256" is made to fit mostly.</param>
    public static IReadOnlyList<Mutation> Of(Func<string, IReadOnlyList<Mutation>> parts, bool hashed = false)
    {
        byte[] Part(byte[] bytes, Random random) => Repacked(bytes, random, entries =>
        {
            int i = random.Next(entries.Count);
            IReadOnlyList<Mutation> known = parts(entries[i].Name);
            entries[i] = (entries[i].Name, (known.Count > 0 ? known[random.Next(known.Count)] : ByteMutations.Any)(entries[i].Bytes, random));
        }, hashed);
        return [Part, Part, Part, (b, r) => Repacked(b, r, e => Arrange(e, r), hashed), Field];
    }

    // A number behind one of the signatures: sizes, offsets, methods, flags, counts.
    private static byte[] Field(byte[] bytes, Random random)
    {
        byte[] signature = s_signatures[random.Next(s_signatures.Length)];
        int[] places = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 3)).Where(i => bytes.AsSpan(i, 4).SequenceEqual(signature))];
        if (places.Length == 0)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        int at = places[random.Next(places.Length)] + 4 + 2 * random.Next(21), size = random.Next(2) == 0 ? 2 : 4;
        if (at + size <= changed.Length)
            ByteMutations.Put(changed.AsSpan(at), ByteMutations.Interesting(size, bytes.Length, random), size, isBig: false);
        return changed;
    }

    private static void Arrange(List<(string Name, byte[] Bytes)> entries, Random random)
    {
        int i = random.Next(entries.Count);
        switch (random.Next(5))
        {
            case 0: entries.RemoveAt(i); break;
            case 1: entries.Insert(random.Next(entries.Count), entries[i]); break;
            case 2: entries[i] = (s_names[random.Next(s_names.Length)], entries[i].Bytes); break;
            case 3: entries[i] = (entries[i].Name, new byte[random.Next(1 << 20)]); break; // packs a thousandfold
            default: entries[i] = (entries[i].Name, entries[random.Next(entries.Count)].Bytes); break;
        }
    }

    private static byte[] Repacked(byte[] bytes, Random random, Action<List<(string Name, byte[] Bytes)>> change, bool hashed)
    {
        if (Entries(bytes) is not { Count: > 0 } entries)
            return ByteMutations.Any(bytes, random);
        change(entries);
        if (hashed && random.Next(8) > 0)
            Hash(entries);
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true))
        {
            CompressionLevel level = random.Next(4) == 0 ? CompressionLevel.Fastest : CompressionLevel.NoCompression;
            foreach ((string name, byte[] part) in entries.Where(e => e.Name.Length > 0))
            {
                using Stream stream = zip.CreateEntry(name, level).Open();
                stream.Write(part);
            }
        }
        return packed.ToArray();
    }

    private static void Hash(List<(string Name, byte[] Bytes)> entries)
    {
        byte[] Part(string name) => entries.Find(e => e.Name == name).Bytes ?? [];
        int place = entries.FindIndex(e => e.Name == "sha256");
        if (place >= 0)
            entries[place] = ("sha256", SHA256.HashData([.. Part("model.json"), .. Part("tensors.bin")]));
    }

    private static List<(string Name, byte[] Bytes)>? Entries(byte[] bytes)
    {
        try
        {
            using var zip = new ZipArchive(new MemoryStream(bytes));
            var entries = new List<(string, byte[])>();
            foreach (ZipArchiveEntry entry in zip.Entries)
            {
                using var part = new MemoryStream();
                using Stream stream = entry.Open();
                stream.CopyTo(part);
                entries.Add((entry.FullName, part.ToArray()));
            }
            return entries;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or ArgumentException or OverflowException or NotSupportedException)
        {
            return null; // changed before
        }
    }
}

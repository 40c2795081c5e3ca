using System.Buffers.Binary;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of HDF5 where they hurt: in structures that carry a signature, in addresses, in object headers, in sizes of messages.</summary>
internal static class Hdf5Mutations
{
    private static readonly byte[][] s_signatures = [.. new[] { "TREE", "SNOD", "HEAP", "GCOL", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTIN", "BTLF", "FAHD", "FADB" }.Select(System.Text.Encoding.ASCII.GetBytes), [0x89, 0x48, 0x44, 0x46]];

    public static IReadOnlyList<Mutation> All { get; } = [Structure, Structure, Address, Message, Message, Size];

    // A number within the first bytes of a structure.
    private static byte[] Structure(byte[] bytes, Random random)
    {
        int[] places = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 8)).Where(i => Array.Exists(s_signatures, s => bytes.AsSpan(i, 4).SequenceEqual(s)))];
        if (places.Length == 0)
            return ByteMutations.Any(bytes, random);
        return Number(bytes, places[random.Next(places.Length)] + 4 + random.Next(64), random);
    }

    // What looks like an address leads elsewhere: to another address of the file, to itself, to the end.
    private static byte[] Address(byte[] bytes, Random random)
    {
        int[] places = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 8)).Where(i => i % 8 == 0 && BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i)) is > 64 and var a && a < (ulong)bytes.Length && a % 8 == 0)];
        if (places.Length == 0)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        int at = places[random.Next(places.Length)];
        ulong to = random.Next(4) switch
        {
            0 => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(places[random.Next(places.Length)])),
            1 => (ulong)at,
            2 => ByteMutations.Interesting(8, bytes.Length, random),
            _ => (ulong)(8 * random.Next(bytes.Length / 8)),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(changed.AsSpan(at), to);
        return changed;
    }

    // Object headers of the first version begin at multiples of 8 with 1, 0, a count, 0; their messages follow by their sizes.
    private static byte[] Message(byte[] bytes, Random random)
    {
        int[] headers = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 24)).Where(i => i % 8 == 0 && bytes[i] == 1 && bytes[i + 1] == 0 && bytes[i + 3] == 0 && bytes[i + 4] is > 0 and < 4 && bytes[i + 5] == 0)];
        if (headers.Length == 0)
            return Structure(bytes, random);
        int header = headers[random.Next(headers.Length)], end = Math.Min(bytes.Length, header + 16 + (int)Math.Min(4096, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(header + 8))));
        List<int> messages = [header];
        for (int at = header + 16; at + 8 <= end; at += 8 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 2)))
            messages.Add(at);
        int message = messages[random.Next(messages.Count)];
        return Number(bytes, message + random.Next(48), random);
    }

    private static byte[] Size(byte[] bytes, Random random) => Number(bytes, 8 * random.Next(Math.Max(1, bytes.Length / 8)), random);

    private static byte[] Number(byte[] bytes, int at, Random random)
    {
        int size = 1 << random.Next(4);
        if (at + size > bytes.Length)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        ByteMutations.Put(changed.AsSpan(at), ByteMutations.Interesting(size, bytes.Length, random), size, isBig: false);
        return changed;
    }
}

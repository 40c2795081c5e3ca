using System.Buffers.Binary;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of images in their headers: chunks of PNG with a right checksum, segments of JPEG, entries of TIFF, the first bytes of all.</summary>
internal static class ImageMutations
{
    public static IReadOnlyList<Mutation> All { get; } = [Head, Png, Jpeg, Tiff];

    private static byte[] Head(byte[] bytes, Random random)
    {
        if (bytes.Length < 16)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        int size = 1 << random.Next(3), at = random.Next(Math.Min(64, bytes.Length - size));
        ByteMutations.Put(changed.AsSpan(at), ByteMutations.Interesting(size, bytes.Length, random), size, random.Next(2) == 0);
        return changed;
    }

    private static byte[] Png(byte[] bytes, Random random)
    {
        if (bytes.Length < 33 || bytes[1] != 'P' || bytes[2] != 'N')
            return Head(bytes, random);
        byte[] changed = [.. bytes];
        List<int> chunks = [];
        for (long at = 8; at + 12 <= changed.Length; at += 12 + BinaryPrimitives.ReadUInt32BigEndian(changed.AsSpan((int)at)))
            chunks.Add((int)at);
        int chunk = chunks[random.Next(2) == 0 ? 0 : random.Next(chunks.Count)];
        int length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(changed.AsSpan(chunk)), (uint)(changed.Length - chunk - 12));
        int size = Math.Min(1 << random.Next(3), length);
        if (size > 0)
            ByteMutations.Put(changed.AsSpan(chunk + 8 + random.Next(Math.Min(length, 32) - size + 1)), ByteMutations.Interesting(size, bytes.Length, random), size, isBig: true);
        BinaryPrimitives.WriteUInt32BigEndian(changed.AsSpan(chunk + 8 + length), Checksum(changed.AsSpan(chunk + 4, length + 4)));
        return changed;
    }

    private static byte[] Jpeg(byte[] bytes, Random random)
    {
        int[] markers = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 12)).Where(i => bytes[i] == 0xFF && bytes[i + 1] is >= 0xC0 and <= 0xEF)];
        if (markers.Length == 0 || bytes[0] != 0xFF)
            return Head(bytes, random);
        byte[] changed = [.. bytes];
        int at = markers[random.Next(markers.Length)] + 1 + random.Next(10), size = random.Next(2) == 0 ? 1 : 2;
        ByteMutations.Put(changed.AsSpan(at), ByteMutations.Interesting(size, bytes.Length, random), size, isBig: true);
        return changed;
    }

    // Entries of 12 bytes: tag, type, count, value.
    private static byte[] Tiff(byte[] bytes, Random random)
    {
        bool little = bytes.AsSpan().StartsWith("II*\0"u8);
        if (bytes.Length < 16 || (!little && !bytes.AsSpan().StartsWith("MM\0*"u8)))
            return Head(bytes, random);
        uint directory = little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)) : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4));
        if (directory > bytes.Length - 14)
            return Head(bytes, random);
        int count = Math.Max(1, Math.Min((bytes.Length - (int)directory - 2) / 12, 32));
        byte[] changed = [.. bytes];
        int size = 1 << random.Next(1, 3), at = (int)directory + 2 + 12 * random.Next(count) + 2 * random.Next(6 - size / 2);
        if (at + size <= changed.Length)
            ByteMutations.Put(changed.AsSpan(at), ByteMutations.Interesting(size, bytes.Length, random), size, !little);
        return changed;
    }

    // CRC-32 as PNG has it (annex D): the reversed polynomial EDB88320.
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        return ~crc;
    }
}

using System.Buffers.Binary;

namespace Graft.Tests.Fuzz;

/// <summary>Changes that know no format: bits, numbers that are often wrong, and pieces left out, repeated, moved or taken from another file.</summary>
internal static class ByteMutations
{
    private static readonly Mutation[] s_all = [FlipBits, SetByte, SetNumber, SetNumber, AddToNumber, Truncate, Remove, Repeat, Overwrite, Insert, Zero];

    /// <summary>One of all.</summary>
    public static byte[] Any(byte[] bytes, Random random) => bytes.Length == 0 ? [(byte)random.Next(256)] : s_all[random.Next(s_all.Length)](bytes, random);

    /// <summary>The beginning of one file and the end of another.</summary>
    public static byte[] Splice(byte[] bytes, byte[] other, Random random) => [.. bytes[..random.Next(bytes.Length + 1)], .. other[random.Next(other.Length + 1)..]];

    /// <summary>A number that is often wrong, of this many bytes: 0, -1, the largest, the size, and one beside each.</summary>
    public static ulong Interesting(int size, int fileBytes, Random random)
    {
        ulong[] values = [0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue, (ulong)fileBytes, (ulong)fileBytes - 1, (ulong)fileBytes + 1, (ulong)random.Next(Math.Max(1, fileBytes)), (ulong)random.Next()];
        return values[random.Next(values.Length)] & (ulong.MaxValue >> (64 - 8 * size));
    }

    /// <summary>Writes a number of 1 to 8 bytes.</summary>
    public static void Put(Span<byte> to, ulong value, int size, bool isBig)
    {
        Span<byte> wide = stackalloc byte[8];
        if (isBig)
            BinaryPrimitives.WriteUInt64BigEndian(wide, value);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(wide, value);
        (isBig ? wide[(8 - size)..] : wide[..size]).CopyTo(to);
    }

    /// <summary>The file with other bytes in the place of some.</summary>
    public static byte[] Replaced(byte[] bytes, int at, int count, ReadOnlySpan<byte> by) => [.. bytes[..at], .. by, .. bytes[(at + count)..]];

    private static byte[] FlipBits(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        for (int i = 1 + random.Next(4); i > 0; i--)
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
        return changed;
    }

    private static byte[] SetByte(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        changed[random.Next(changed.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : (int)Interesting(1, bytes.Length, random));
        return changed;
    }

    private static byte[] SetNumber(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        int size = Math.Min(changed.Length, 1 << random.Next(1, 4)), at = random.Next(changed.Length - size + 1);
        Put(changed.AsSpan(at), Interesting(size, bytes.Length, random), size, random.Next(4) == 0);
        return changed;
    }

    private static byte[] AddToNumber(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        changed[random.Next(changed.Length)] += (byte)(random.Next(2) == 0 ? 1 : 0xFF);
        return changed;
    }

    private static byte[] Truncate(byte[] bytes, Random random) => bytes[..random.Next(bytes.Length)];

    private static byte[] Remove(byte[] bytes, Random random)
    {
        (int at, int count) = Piece(bytes, random);
        return Replaced(bytes, at, count, []);
    }

    private static byte[] Repeat(byte[] bytes, Random random)
    {
        (int at, int count) = Piece(bytes, random);
        return Replaced(bytes, at + count, 0, bytes.AsSpan(at, count));
    }

    private static byte[] Overwrite(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        (int at, int count) = Piece(bytes, random);
        bytes.AsSpan(at, count).CopyTo(changed.AsSpan(random.Next(bytes.Length - count + 1)));
        return changed;
    }

    private static byte[] Insert(byte[] bytes, Random random)
    {
        var more = new byte[1 + random.Next(16)];
        random.NextBytes(more);
        return Replaced(bytes, random.Next(bytes.Length + 1), 0, more);
    }

    private static byte[] Zero(byte[] bytes, Random random)
    {
        byte[] changed = [.. bytes];
        (int at, int count) = Piece(bytes, random);
        changed.AsSpan(at, count).Fill((byte)(random.Next(2) == 0 ? 0 : 0xFF));
        return changed;
    }

    private static (int At, int Count) Piece(byte[] bytes, Random random)
    {
        int count = 1 + random.Next(Math.Min(bytes.Length, random.Next(2) == 0 ? 16 : 1024));
        return (random.Next(bytes.Length - count + 1), count);
    }
}

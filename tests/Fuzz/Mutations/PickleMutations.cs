namespace Graft.Tests.Fuzz;

/// <summary>Changes of a pickle: opcodes put in, left out or exchanged, lengths and memo numbers, values repeated a thousandfold.</summary>
internal static class PickleMutations
{
    private static readonly byte[] s_opcodes = [.. "(.012NIJKMGLFSTUVXCBcbadefghjilopqrstu}])Q"u8, 0x80, 0x81, 0x82, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96];

    public static IReadOnlyList<Mutation> All { get; } = [Put, Exchange, Length, Grow, Itself];

    private static byte[] Put(byte[] bytes, Random random) => ByteMutations.Replaced(bytes, random.Next(bytes.Length + 1), 0, [s_opcodes[random.Next(s_opcodes.Length)]]);

    private static byte[] Exchange(byte[] bytes, Random random)
    {
        int[] places = [.. Enumerable.Range(0, bytes.Length).Where(i => Array.IndexOf(s_opcodes, bytes[i]) >= 0)];
        if (places.Length == 0)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        changed[places[random.Next(places.Length)]] = s_opcodes[random.Next(s_opcodes.Length)];
        return changed;
    }

    // The number behind an opcode that has one.
    private static byte[] Length(byte[] bytes, Random random)
    {
        int[] places = [.. Enumerable.Range(0, Math.Max(0, bytes.Length - 8)).Where(i => bytes[i] is (byte)'X' or (byte)'J' or (byte)'T' or (byte)'B' or (byte)'r' or (byte)'j' or (byte)'K' or (byte)'q' or (byte)'h' or 0x8A or 0x8B or 0x8C or 0x8D or 0x8E or 0x96)];
        if (places.Length == 0)
            return ByteMutations.Any(bytes, random);
        byte[] changed = [.. bytes];
        int at = places[random.Next(places.Length)], size = changed[at] switch { (byte)'K' or (byte)'q' or (byte)'h' or 0x8A or 0x8C => 1, 0x8D or 0x8E or 0x96 => 8, _ => 4 };
        ByteMutations.Put(changed.AsSpan(at + 1), ByteMutations.Interesting(size, bytes.Length, random), size, isBig: false);
        return changed;
    }

    // DUP and containers, over and over: a stack, a nesting, or a list that grows.
    private static byte[] Grow(byte[] bytes, Random random)
    {
        byte[][] pieces = ["2"u8.ToArray(), "("u8.ToArray(), "]"u8.ToArray(), [0x85], "2a"u8.ToArray(), "(2e"u8.ToArray(), "]q\u0000h\u0000h\u0000h\u0000h\u0000h\u0000"u8.ToArray(), [0x94, (byte)'h', 0], "(KKt"u8.ToArray()];
        byte[] piece = pieces[random.Next(pieces.Length)];
        return ByteMutations.Replaced(bytes, random.Next(bytes.Length + 1), 0, [.. Enumerable.Repeat(piece, 1 << random.Next(12)).SelectMany(p => p)]);
    }

    // A list or dictionary that holds itself, before the end.
    private static byte[] Itself(byte[] bytes, Random random)
    {
        byte[] piece = random.Next(2) == 0 ? [.. "]q\u0001h\u0001a"u8] : [.. "}q\u0001K\u0001h\u0001s"u8];
        int stop = Array.LastIndexOf(bytes, (byte)'.');
        return ByteMutations.Replaced(bytes, random.Next(2) == 0 && stop >= 0 ? stop : random.Next(bytes.Length + 1), 0, piece);
    }
}

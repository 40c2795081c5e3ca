namespace Graft.Tests.Fuzz;

/// <summary>Changes of a protobuf message: lengths, numbers and tags of fields, fields left out or repeated, messages within messages.</summary>
internal static class ProtobufMutations
{
    public static IReadOnlyList<Mutation> All { get; } = [Change, Change, Nest];

    private static byte[] Change(byte[] bytes, Random random)
    {
        List<(int Tag, int Value, int End, int Wire)> fields = [];
        Walk(bytes, 0, bytes.Length, 0, fields);
        if (fields.Count == 0)
            return ByteMutations.Any(bytes, random);
        (int tag, int value, int end, int wire) = fields[random.Next(fields.Count)];
        return random.Next(5) switch
        {
            0 => ByteMutations.Replaced(bytes, tag, end - tag, []),
            1 => ByteMutations.Replaced(bytes, end, 0, bytes.AsSpan(tag, end - tag)),
            2 => ByteMutations.Replaced(bytes, tag, 1, [(byte)random.Next(256)]),
            _ when wire is 0 or 2 => ByteMutations.Replaced(bytes, value, VarintBytes(bytes, value), Varint(ByteMutations.Interesting(8, bytes.Length, random))),
            _ => ByteMutations.Replaced(bytes, tag, 1, [(byte)(bytes[tag] ^ (1 << random.Next(8)))]),
        };
    }

    // A message in a message in a message.
    private static byte[] Nest(byte[] bytes, Random random)
    {
        byte[] inner = [];
        byte tag = (byte)(8 * random.Next(1, 16) + 2);
        for (int depth = 1 << random.Next(10); depth > 0; depth--)
            inner = [tag, .. Varint((ulong)inner.Length), .. inner];
        return ByteMutations.Replaced(bytes, random.Next(bytes.Length + 1), 0, inner);
    }

    private static void Walk(byte[] bytes, int at, int end, int depth, List<(int, int, int, int)> fields)
    {
        while (at < end)
        {
            int tag = at, wire = bytes[at] & 7, value = at + VarintBytes(bytes, at);
            if (value >= end || depth > 8)
                return;
            int length = VarintBytes(bytes, value);
            long content = wire == 2 ? Value(bytes, value, length) : 0;
            long next = wire switch { 0 => value + length, 1 => value + 8, 2 => value + length + content, 5 => value + 4, _ => -1 };
            if (next <= at || next > end)
                return;
            fields.Add((tag, value, (int)next, wire));
            if (wire == 2)
                Walk(bytes, value + length, (int)next, depth + 1, fields);
            at = (int)next;
        }
    }

    private static int VarintBytes(byte[] bytes, int at)
    {
        int count = 1;
        while (at + count < bytes.Length && (bytes[at + count - 1] & 0x80) != 0 && count < 10)
            count++;
        return count;
    }

    private static long Value(byte[] bytes, int at, int count)
    {
        long value = 0;
        for (int i = 0; i < count; i++)
            value |= (long)(bytes[at + i] & 0x7F) << 7 * i;
        return value < 0 ? long.MaxValue / 2 : value;
    }

    private static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }
}

namespace Graft.Importers.Onnx;

/// <summary>How a protobuf field is stored.</summary>
internal enum WireType
{
    /// <summary>A whole number of 1 to 10 bytes.</summary>
    Varint = 0,

    /// <summary>Eight bytes.</summary>
    Fixed64 = 1,

    /// <summary>A length, then that many bytes: text, a message, packed numbers.</summary>
    Bytes = 2,

    /// <summary>Four bytes.</summary>
    Fixed32 = 5,
}

/// <summary>Reads protobuf fields from a stream where they stand: what is not wanted is passed over, and nothing is copied.</summary>
/// <remarks>Protocol Buffers, "Encoding". Google's reader copies every message that it descends into, here whole graphs of weights.</remarks>
internal sealed class ProtoReader(Stream stream, string path)
{
    private const int VarintBits = 63;

    /// <summary>Where the next byte is.</summary>
    public long Position => stream.Position;

    /// <summary>The next field of the message that ends at <paramref name="end"/>; false where it has ended.</summary>
    /// <exception cref="GraftException">There is no field here.</exception>
    public bool Next(long end, out int field, out WireType wire)
    {
        (field, wire) = (0, default);
        if (Position >= end)
            return false;
        ulong tag = Varint();
        (field, wire) = ((int)Math.Min(tag >> 3, int.MaxValue), (WireType)(tag & 7));
        if (field == 0 || wire is not (WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32))
            throw Broken($"at byte {Position} there is no field of a message");
        return true;
    }

    /// <summary>A whole number.</summary>
    public ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift <= VarintBits; shift += 7)
        {
            int next = stream.ReadByte();
            if (next < 0)
                throw Broken($"it ends at byte {Position} within a number");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw Broken($"a number at byte {Position} is longer than 10 bytes");
    }

    /// <summary>Reads a length and returns where what it counts ends.</summary>
    /// <param name="end">Where the message around it ends.</param>
    public long End(long end)
    {
        ulong length = Varint();
        return length <= (ulong)Math.Max(0, end - Position) ? Position + (long)length
            : throw Broken($"a part of {length} bytes begins at byte {Position}, and {Math.Max(0, end - Position)} are left");
    }

    /// <summary>Text, or any bytes, up to <paramref name="end"/>.</summary>
    public string Text(long end)
    {
        var bytes = new byte[checked((int)(end - Position))];
        stream.ReadExactly(bytes);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A number of 32 bits.</summary>
    public float Float()
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw Broken($"it ends at byte {Position} within a number");
        return System.Buffers.Binary.BinaryPrimitives.ReadSingleLittleEndian(bytes);
    }

    /// <summary>Repeated whole numbers: one a tag, or all of them packed into one field.</summary>
    public void Integers(WireType wire, long end, List<long> values)
    {
        if (wire == WireType.Varint)
        {
            values.Add((long)Varint());
            return;
        }
        for (long to = End(end); Position < to;)
            values.Add((long)Varint());
    }

    /// <summary>Repeated numbers of 32 bits, likewise.</summary>
    public void Floats(WireType wire, long end, List<float> values)
    {
        if (wire == WireType.Fixed32)
        {
            values.Add(Float());
            return;
        }
        for (long to = End(end); Position < to;)
            values.Add(Float());
    }

    /// <summary>A message of a key 1 and a value 2, both texts.</summary>
    public (string Key, string Value) Pair(long end)
    {
        (string key, string value) = ("", "");
        while (Next(end, out int field, out WireType wire))
        {
            if (wire != WireType.Bytes || field > 2)
                Skip(wire, end);
            else if (field == 1)
                key = Text(End(end));
            else
                value = Text(End(end));
        }
        return (key, value);
    }

    /// <summary>Goes to a place in the file.</summary>
    public void Seek(long position) => stream.Position = position;

    /// <summary>Passes over the field that <see cref="Next"/> found.</summary>
    public void Skip(WireType wire, long end)
    {
        long to = wire switch
        {
            WireType.Fixed64 => Position + sizeof(ulong),
            WireType.Fixed32 => Position + sizeof(uint),
            WireType.Bytes => End(end),
            _ => Position,
        };
        if (wire == WireType.Varint)
            Varint();
        else if (to > end)
            throw Broken($"it ends within the field at byte {Position}");
        else
            Seek(to);
    }

    /// <summary>The error that the file cannot be read.</summary>
    public GraftException Broken(string reason) => new($"{path}: not an ONNX model, or truncated: {reason}.");
}

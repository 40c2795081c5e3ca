using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Graft.Importers.Onnx;

/// <summary>A protobuf message in the making: fields in the order in which they are written. What <see cref="ProtoReader"/> reads.</summary>
/// <remarks>
/// Repeated numbers are written one a tag, as proto2, and so onnx.proto, has them by default. The numbers of weights are asked for when the
/// message is written to a stream: a large model is never in memory twice, as it is with Google's writer. Protocol Buffers, "Encoding".
/// </remarks>
internal sealed class ProtoMessage
{
    private const int MostVarintBytes = 10;

    private readonly List<Part> _parts = [];
    private ArrayBufferWriter<byte> _bytes = new();

    /// <summary>What lies one behind the other: bytes, or numbers that come when they are written.</summary>
    private readonly record struct Part(ReadOnlyMemory<byte> Bytes, Func<float[]>? Numbers, long Length);

    /// <summary>Bytes of the message.</summary>
    public long Length => _parts.Sum(p => p.Length) + _bytes.WrittenCount;

    public ProtoMessage Number(int field, params ReadOnlySpan<long> values)
    {
        foreach (long value in values)
        {
            Tag(field, WireType.Varint);
            Varint((ulong)value);
        }
        return this;
    }

    public ProtoMessage Float(int field, params ReadOnlySpan<float> values)
    {
        foreach (float value in values)
        {
            Tag(field, WireType.Fixed32);
            BinaryPrimitives.WriteSingleLittleEndian(_bytes.GetSpan(sizeof(float)), value);
            _bytes.Advance(sizeof(float));
        }
        return this;
    }

    public ProtoMessage Text(int field, params ReadOnlySpan<string> values)
    {
        foreach (string value in values)
            Bytes(field, Encoding.UTF8.GetBytes(value));
        return this;
    }

    public ProtoMessage Bytes(int field, ReadOnlySpan<byte> value)
    {
        Begin(field, value.Length);
        _bytes.Write(value);
        return this;
    }

    public ProtoMessage Message(int field, ProtoMessage value)
    {
        Begin(field, value.Length);
        CloseBytes();
        value.CloseBytes();
        _parts.AddRange(value._parts);
        return this;
    }

    /// <summary>Float32 numbers as bytes; they are asked for at each writing.</summary>
    public ProtoMessage Numbers(int field, long count, Func<float[]> values)
    {
        Begin(field, count * sizeof(float));
        CloseBytes();
        _parts.Add(new Part(default, values, count * sizeof(float)));
        return this;
    }

    /// <summary>Writes all bytes.</summary>
    public void WriteTo(Stream stream)
    {
        CloseBytes();
        foreach (Part part in _parts)
        {
            ReadOnlySpan<byte> bytes = part.Numbers is null ? part.Bytes.Span : MemoryMarshal.AsBytes(part.Numbers().AsSpan()); // little-endian, as all our machines are
            if (bytes.Length != part.Length)
                throw new InvalidOperationException($"{bytes.Length} bytes of numbers came where {part.Length} were announced.");
            stream.Write(bytes);
        }
    }

    private void Begin(int field, long length)
    {
        Tag(field, WireType.Bytes);
        Varint((ulong)length);
    }

    private void Tag(int field, WireType wire) => Varint(((ulong)field << 3) | (ulong)wire);

    private void Varint(ulong value)
    {
        Span<byte> bytes = _bytes.GetSpan(MostVarintBytes);
        int count = 0;
        for (; value >= 0x80; value >>= 7)
            bytes[count++] = (byte)(value | 0x80);
        bytes[count++] = (byte)value;
        _bytes.Advance(count);
    }

    private void CloseBytes()
    {
        if (_bytes.WrittenCount == 0)
            return;
        _parts.Add(new Part(_bytes.WrittenMemory, null, _bytes.WrittenCount));
        _bytes = new ArrayBufferWriter<byte>();
    }
}

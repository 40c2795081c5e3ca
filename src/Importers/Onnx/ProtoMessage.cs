using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Graft.Importers.Onnx;

/// <summary>A protobuf message in the making: fields in the order in which they are written.</summary>
/// <remarks>
/// Repeated numbers are written one a tag, as proto2, and so onnx.proto, has them by default. The numbers of weights are asked for when the
/// message is written to a stream: a large model is never in memory twice.
/// </remarks>
internal sealed class ProtoMessage
{
    private readonly List<Part> _parts = [];
    private MemoryStream _bytes = new();
    private CodedOutputStream _output;

    public ProtoMessage() => _output = new CodedOutputStream(_bytes, leaveOpen: true);

    /// <summary>What lies one behind the other: bytes, or numbers that come when they are written.</summary>
    private readonly record struct Part(ReadOnlyMemory<byte> Bytes, Func<float[]>? Numbers, long Length);

    /// <summary>Bytes of the message.</summary>
    public long Length
    {
        get
        {
            _output.Flush();
            return _parts.Sum(p => p.Length) + _bytes.Length;
        }
    }

    public ProtoMessage Number(int field, params ReadOnlySpan<long> values)
    {
        foreach (long value in values)
        {
            _output.WriteTag(field, WireFormat.WireType.Varint);
            _output.WriteInt64(value);
        }
        return this;
    }

    public ProtoMessage Float(int field, params ReadOnlySpan<float> values)
    {
        foreach (float value in values)
        {
            _output.WriteTag(field, WireFormat.WireType.Fixed32);
            _output.WriteFloat(value);
        }
        return this;
    }

    public ProtoMessage Text(int field, params ReadOnlySpan<string> values)
    {
        foreach (string value in values)
        {
            _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            _output.WriteString(value);
        }
        return this;
    }

    public ProtoMessage Bytes(int field, ReadOnlySpan<byte> value)
    {
        Begin(field, value.Length);
        _output.Flush();
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
        _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteUInt64((ulong)length);
    }

    private void CloseBytes()
    {
        _output.Flush();
        if (_bytes.Length == 0)
            return;
        _parts.Add(new Part(_bytes.GetBuffer().AsMemory(0, (int)_bytes.Length), null, _bytes.Length));
        _bytes = new MemoryStream();
        _output = new CodedOutputStream(_bytes, leaveOpen: true);
    }
}

using Google.Protobuf;

namespace Graft.Bench.Onnx;

/// <summary>A protobuf message in the making: fields in the order in which they are written.</summary>
/// <remarks>Repeated numbers are written one a tag, as proto2, and so onnx.proto, has them by default.</remarks>
internal sealed class ProtoMessage
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _output;

    public ProtoMessage() => _output = new CodedOutputStream(_bytes, leaveOpen: true);

    public ProtoMessage Number(int field, params ReadOnlySpan<long> values)
    {
        foreach (long value in values)
        {
            _output.WriteTag(field, WireFormat.WireType.Varint);
            _output.WriteInt64(value);
        }
        return this;
    }

    public ProtoMessage Float(int field, float value)
    {
        _output.WriteTag(field, WireFormat.WireType.Fixed32);
        _output.WriteFloat(value);
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
        _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteLength(value.Length);
        _output.Flush(); // the numbers of a layer are large: past the stream's own buffer, straight into memory
        _bytes.Write(value);
        return this;
    }

    public ProtoMessage Message(int field, ProtoMessage value)
    {
        value._output.Flush();
        return Bytes(field, value._bytes.GetBuffer().AsSpan(0, (int)value._bytes.Length));
    }

    public byte[] ToArray()
    {
        _output.Flush();
        return _bytes.ToArray();
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Graft.Training;

/// <summary>An event file of TensorBoard: protocol buffers of tensorflow/core/util/event.proto in TFRecord frames.</summary>
/// <remarks>A frame is length (8 bytes), masked CRC-32C of the length, data, masked CRC-32C of the data, all little-endian.</remarks>
internal sealed class EventFile
{
    // Tags are field number * 8 + wire type: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
    private const byte WallTime = 0x09, Step = 0x10, FileVersion = 0x1A, Summary = 0x2A, SummaryValue = 0x0A, ValueTag = 0x0A, SimpleValue = 0x15;

    private EventFile(string path) => FilePath = path;

    public string FilePath { get; }

    /// <summary>A new file in a folder, named as TensorBoard looks for it.</summary>
    public static EventFile Create(string folder)
    {
        Directory.CreateDirectory(folder);
        string stem = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}.{Environment.MachineName}.{Environment.ProcessId}");
        int number = 0;
        while (File.Exists(Path.Combine(folder, $"{stem}.{number}")))
            number++;
        var file = new EventFile(Path.Combine(folder, $"{stem}.{number}"));
        file.AppendFrame([.. Double(WallTime, Now()), .. Bytes(FileVersion, "brain.Event:2"u8)]);
        return file;
    }

    /// <summary>One event with a scalar a name.</summary>
    public void Append(long step, IEnumerable<(string Name, float Value)> scalars)
    {
        var summary = new List<byte>();
        foreach ((string name, float value) in scalars)
            summary.AddRange(Bytes(SummaryValue, [.. Bytes(ValueTag, Encoding.UTF8.GetBytes(name)), SimpleValue, .. BitConverter.GetBytes(value)]));
        AppendFrame([.. Double(WallTime, Now()), Step, .. Varint((ulong)step), .. Bytes(Summary, [.. summary])]);
    }

    /// <summary>CRC-32C rotated and shifted, as TFRecord stores it: a checksum of data that holds checksums stays strong.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Crc(data), 15) + 0xA282EAD8u;

    /// <summary>CRC-32 with Castagnoli's polynomial, RFC 3720 appendix B.4.</summary>
    internal static uint Crc(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    private void AppendFrame(byte[] data)
    {
        byte[] frame = new byte[data.Length + 16];
        BinaryPrimitives.WriteUInt64LittleEndian(frame, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), MaskedCrc(frame.AsSpan(0, 8)));
        data.CopyTo(frame, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12 + data.Length), MaskedCrc(data));
        using var stream = new FileStream(FilePath, FileMode.Append);
        stream.Write(frame);
    }

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;

    private static byte[] Double(byte tag, double value)
    {
        byte[] bytes = new byte[9];
        bytes[0] = tag;
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(1), value);
        return bytes;
    }

    private static byte[] Bytes(byte tag, ReadOnlySpan<byte> data) => [tag, .. Varint((ulong)data.Length), .. data];

    // Seven bits a byte, the lowest first; the top bit says that more follow.
    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}

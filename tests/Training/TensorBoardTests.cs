using System.Buffers.Binary;
using System.Text;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class TensorBoardTests
{
    [Fact]
    public void Crc_gives_the_published_values()
    {
        Assert.Equal(0xE3069283u, EventFile.Crc("123456789"u8)); // the check value of CRC-32C
        Assert.Equal(0x8A9136AAu, EventFile.Crc(new byte[32])); // RFC 3720, B.4: 32 zero bytes
        Assert.Equal(0x62A8AB43u, EventFile.Crc([.. Enumerable.Repeat((byte)0xFF, 32)])); // and 32 of 0xFF
    }

    [Fact]
    public void Events_read_back_with_sound_checksums()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName;
        EventFile file = EventFile.Create(folder);
        file.Append(300, [("epoch_loss", 0.25f), ("epoch_accuracy", 0.75f)]);
        file.Append(301, [("epoch_loss", 0.125f)]);
        List<byte[]> frames = Frames(File.ReadAllBytes(file.FilePath));

        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(file.FilePath), StringComparison.Ordinal);
        Assert.Equal(3, frames.Count);
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(Assert.Single(Fields(frames[0]), f => f.Number == 3).Bytes));
        Assert.Equal(300ul, Assert.Single(Fields(frames[1]), f => f.Number == 2).Value);
        Assert.Equal([("epoch_loss", 0.25f), ("epoch_accuracy", 0.75f)], Scalars(frames[1]));
        Assert.Equal([("epoch_loss", 0.125f)], Scalars(frames[2]));
        double written = BitConverter.UInt64BitsToDouble(Assert.Single(Fields(frames[2]), f => f.Number == 1).Value);
        Assert.InRange(written, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void The_callback_writes_training_and_validation_into_two_folders()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName;
        var callback = new TensorBoard(folder);
        var row = new Dictionary<string, double> { ["loss"] = 0.5, ["val_loss"] = 0.75 };
        callback.OnEpochEnd(null!, 0, row);
        callback.OnEpochEnd(null!, 1, row);
        Assert.Equal([("epoch_loss", 0.5f)], Scalars(Frames(File.ReadAllBytes(Directory.GetFiles(Path.Combine(folder, "train")).Single()))[2]));
        Assert.Equal([("epoch_loss", 0.75f)], Scalars(Frames(File.ReadAllBytes(Directory.GetFiles(Path.Combine(folder, "validation")).Single()))[2]));
        Directory.Delete(folder, recursive: true);
    }

    private static List<byte[]> Frames(byte[] file)
    {
        var frames = new List<byte[]>();
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(EventFile.MaskedCrc(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] data = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(EventFile.MaskedCrc(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            frames.Add(data);
            at += length + 16;
        }
        return frames;
    }

    private static (string, float)[] Scalars(byte[] frame) => [.. Fields(Fields(frame).Single(f => f.Number == 5).Bytes).Select(v =>
    {
        List<(int Number, ulong Value, byte[] Bytes)> fields = Fields(v.Bytes);
        return (Encoding.UTF8.GetString(fields.Single(f => f.Number == 1).Bytes), BitConverter.UInt32BitsToSingle((uint)fields.Single(f => f.Number == 2).Value));
    })];

    // Any protocol buffer, field by field, as its wire format says.
    private static List<(int Number, ulong Value, byte[] Bytes)> Fields(byte[] message)
    {
        var fields = new List<(int, ulong, byte[])>();
        int at = 0;
        while (at < message.Length)
        {
            ulong tag = Varint();
            int number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add((number, Varint(), []));
                    break;
                case 1:
                    fields.Add((number, BinaryPrimitives.ReadUInt64LittleEndian(message.AsSpan(at)), []));
                    at += 8;
                    break;
                case 2:
                    int length = (int)Varint();
                    fields.Add((number, 0, message[at..(at + length)]));
                    at += length;
                    break;
                default:
                    Assert.Equal(5ul, tag & 7);
                    fields.Add((number, BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan(at)), []));
                    at += 4;
                    break;
            }
        }
        return fields;

        ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte b = message[at++];
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80)
                    return value;
            }
        }
    }
}

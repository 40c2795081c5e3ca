using System.Runtime.InteropServices;
using System.Text;

namespace Graft.Tests.Importers.PyTorch;

/// <summary>Files of torch.save built byte by byte, for what PyTorch itself would not write.</summary>
internal static class TorchBytes
{
    /// <summary>The three pickles in front of the value in the legacy form: magic number, protocol 1001, an empty system.</summary>
    public static byte[] LegacyHead { get; } =
    [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.',
        0x80, 2, (byte)'M', 0xE9, 0x03, (byte)'.',
        0x80, 2, (byte)'}', (byte)'.',
    ];

    /// <summary>The zip form of a dictionary of names and float32 tensors of two axes, as torch.save writes it with protocol 2.</summary>
    public static byte[] StateDict(IReadOnlyList<(string Name, int[] Shape, float[] Values)> tensors)
    {
        static byte[] Text(string text) => [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.ASCII.GetBytes(text)];
        static byte[] Int(int value) => [(byte)'J', .. BitConverter.GetBytes(value)];
        static byte[] Pair(int first, int second) => [.. Int(first), .. Int(second), 0x86];
        byte[] Item(int i) =>
        [
            .. Text(tensors[i].Name), .. "ctorch._utils\n_rebuild_tensor_v2\n(("u8, .. Text("storage"), .. "ctorch\nFloatStorage\n"u8, .. Text($"{i}"), .. Text("cpu"), .. Int(tensors[i].Values.Length), (byte)'t', (byte)'Q',
            .. Int(0), .. Pair(tensors[i].Shape[0], tensors[i].Shape[1]), .. Pair(tensors[i].Shape[1], 1), 0x89, .. "ccollections\nOrderedDict\n)RtRs"u8,
        ];
        byte[] pickle = [0x80, 2, (byte)'}', .. Enumerable.Range(0, tensors.Count).SelectMany(Item), (byte)'.'];
        return Zip(pickle, others: [.. tensors.Select((t, i) => ($"some/data/{i}", MemoryMarshal.AsBytes(t.Values.AsSpan()).ToArray()))]);
    }

    /// <summary>A zip whose only entry is the pickle; with <paramref name="large"/> all sizes stand in the fields for large files.</summary>
    public static byte[] Zip(byte[] pickle, bool large = false, params (string Name, byte[] Bytes)[] others)
    {
        using var zip = new MemoryStream();
        using var to = new BinaryWriter(zip);
        var directory = new List<byte[]>();
        foreach ((string name, byte[] bytes) in others.Prepend(("some/data.pkl", pickle)))
        {
            long at = zip.Position;
            byte[] text = Encoding.UTF8.GetBytes(name);
            to.Write([.. "PK\u0003\u0004"u8, 45, 0, .. new byte[12], .. BitConverter.GetBytes(bytes.Length), .. BitConverter.GetBytes(bytes.Length), (byte)text.Length, 0, 0, 0, .. text, .. bytes]);
            byte[] sizes = large ? [.. Enumerable.Repeat((byte)0xFF, 8)] : [.. BitConverter.GetBytes(bytes.Length), .. BitConverter.GetBytes(bytes.Length)];
            byte[] extra = large ? [1, 0, 24, 0, .. BitConverter.GetBytes((long)bytes.Length), .. BitConverter.GetBytes((long)bytes.Length), .. BitConverter.GetBytes(at)] : [];
            byte[] offset = large ? [0xFF, 0xFF, 0xFF, 0xFF] : BitConverter.GetBytes((int)at);
            directory.Add([.. "PK\u0001\u0002"u8, 45, 0, 45, 0, .. new byte[12], .. sizes, (byte)text.Length, 0, (byte)extra.Length, .. new byte[11], .. offset, .. text, .. extra]);
        }
        long start = zip.Position, bytesOfDirectory = directory.Sum(d => d.Length);
        directory.ForEach(d => to.Write(d));
        if (large)
        {
            long end = zip.Position;
            to.Write([.. "PK\u0006\u0006"u8, .. BitConverter.GetBytes(44L), .. new byte[12], .. BitConverter.GetBytes((long)directory.Count), .. BitConverter.GetBytes((long)directory.Count), .. BitConverter.GetBytes(bytesOfDirectory), .. BitConverter.GetBytes(start)]);
            to.Write([.. "PK\u0006\u0007"u8, .. new byte[4], .. BitConverter.GetBytes(end), .. BitConverter.GetBytes(1)]);
        }
        to.Write([.. "PK\u0005\u0006"u8, .. new byte[4], (byte)directory.Count, 0, (byte)directory.Count, 0, .. large ? [.. Enumerable.Repeat((byte)0xFF, 8)] : (byte[])[.. BitConverter.GetBytes((int)bytesOfDirectory), .. BitConverter.GetBytes((int)start)], 0, 0]);
        return zip.ToArray();
    }
}

using System.Text;

namespace Graft.Importers.Hdf5;

/// <summary>A note on a group: a text, a list of texts, or an empty list.</summary>
internal sealed class Hdf5Attribute
{
    /// <summary>Bytes that a message in an object header may have, with some room for its own head: what Keras splits lists at.</summary>
    public const int LargestList = 64512;

    private readonly Hdf5Type _type;
    private readonly int? _length;
    private readonly byte[][] _texts;

    private Hdf5Attribute(string name, Hdf5Type type, int? length, byte[][] texts) => (Name, _type, _length, _texts) = (name, type, length, texts);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>One text, ASCII.</summary>
    public static Hdf5Attribute Ascii(string name, string text) => new(name, Hdf5Type.AsciiText, null, [Encode(name, text, isUtf8: false)]);

    /// <summary>One text, UTF-8.</summary>
    public static Hdf5Attribute Utf8(string name, string text) => new(name, Hdf5Type.Utf8Text, null, [Encode(name, text, isUtf8: true)]);

    /// <summary>A list of texts of fixed length, or of any; an empty one has no type of text, but that of numpy's empty array, float64.</summary>
    public static Hdf5Attribute List(string name, IReadOnlyList<string> texts, bool isPadded)
    {
        if (texts.Count == 0)
            return new Hdf5Attribute(name, Hdf5Type.Float64, 0, []);
        byte[][] bytes = [.. texts.Select(t => Encode(name, t, isUtf8: isPadded))]; // numpy's bytes are whatever they are
        return new Hdf5Attribute(name, isPadded ? Hdf5Type.PaddedText(Math.Max(1, bytes.Max(b => b.Length))) : Hdf5Type.AsciiText, bytes.Length, bytes);
    }

    /// <summary>Puts its texts into the global heap, where its type keeps them there.</summary>
    public void Store(Hdf5GlobalHeap heap)
    {
        if (_type.IsVariable)
            Array.ForEach(_texts, heap.Add);
    }

    /// <summary>The attribute message, version 1 (HDF5 file format specification 3.0, IV.A.2.m), without its header.</summary>
    public byte[] Message(Hdf5GlobalHeap heap)
    {
        byte[] name = [.. Encoding.UTF8.GetBytes(Name), 0], space = Hdf5Space.Message(_length is { } n ? [n] : []);
        Hdf5Bytes m = new Hdf5Bytes().Byte(1).Byte(0).UInt16(name.Length).UInt16(_type.Message.Length).UInt16(space.Length);
        m.Bytes(name).Align().Bytes(_type.Message).Align().Bytes(space).Align();
        foreach (byte[] text in _texts)
        {
            if (_type.IsVariable)
                m.Bytes(heap.Reference(text));
            else
                m.PadTo(m.Count).Bytes(text).PadTo(m.Count + _type.Size - text.Length);
        }
        return m.ToArray();
    }

    private static byte[] Encode(string name, string text, bool isUtf8)
    {
        if (!isUtf8 && !Ascii(text))
            throw new GraftException($"attribute '{name}': '{text}' is not ASCII, which Keras's files have here. Rename the layer.");
        return Encoding.UTF8.GetBytes(text);
    }

    private static bool Ascii(string text) => System.Text.Ascii.IsValid(text);
}

using System.Buffers.Binary;

namespace Graft.Importers;

/// <summary>The first bytes of a file, which tell its format whatever its name ends in.</summary>
internal sealed class FileHead
{
    private const int Length = 9; // a safetensors header begins behind its length of eight bytes

    private readonly byte[] _bytes;
    private readonly long _fileLength;

    /// <summary>Reads the head of a file that exists.</summary>
    public FileHead(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var head = new byte[Length];
        _bytes = head[..stream.ReadAtLeast(head, Length, throwOnEndOfStream: false)];
        _fileLength = stream.Length;
    }

    /// <summary>The bytes, fewer than nine where the file is shorter.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>True for a file without a byte.</summary>
    public bool IsEmpty => _bytes.Length == 0;

    /// <summary>True for HTML or XML: what a failed download leaves.</summary>
    public bool IsMarkup => _bytes is [(byte)'<', ..];

    /// <summary>True for what may be JSON: an opening brace, behind white space.</summary>
    public bool IsBrace => Bytes.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];

    /// <summary>True for a zip archive: .keras, .graft, and what torch.save writes.</summary>
    public bool IsZip => Bytes.StartsWith("PK"u8);

    /// <summary>True for a pickle of protocol 2 to 5: what torch.save wrote before its zip form.</summary>
    public bool IsPickle => _bytes is [0x80, >= 2 and <= 5, ..] && !IsSafetensors;

    /// <summary>True for HDF5.</summary>
    public bool IsHdf5 => _bytes.Length > 4 && Bytes[1..4].SequenceEqual("HDF"u8);

    /// <summary>True for the length and the opening brace of a safetensors header.</summary>
    public bool IsSafetensors => _bytes.Length == Length && _bytes[8] == (byte)'{' && BinaryPrimitives.ReadUInt64LittleEndian(_bytes) < (ulong)_fileLength;
}

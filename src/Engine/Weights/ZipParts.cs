using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Graft.Weights;

/// <summary>Parts of a zip archive, unpacked in memory, never to disk: names that lead out of a folder lead nowhere here.</summary>
/// <remarks>A part is asked for by its exact name, must be there once, and unpacks to as many bytes as the archive says, which must be possible for the bytes that are there.
/// Their checksum must be the archive's: .NET does not look at it.</remarks>
internal static class ZipParts
{
    private const long DeflateRatio = 1032; // the most that deflate gains (zlib's technical details)
    private const long Usual = 4, Few = 1 << 20; // a part that claims more is not given room before it is there

    private static readonly uint[][] s_crc = CrcTables();

    /// <summary>The bytes of a part; null where there is none of this name.</summary>
    /// <param name="zip">The archive.</param>
    /// <param name="path">Its file, for errors.</param>
    /// <param name="name">Full name of the part.</param>
    /// <exception cref="GraftException">It is there twice, cut off, or not of the size that the archive says.</exception>
    public static byte[]? Read(ZipArchive zip, string path, string name)
    {
        ZipArchiveEntry[] found = [.. zip.Entries.Where(e => e.FullName == name)];
        if (found.Length == 0)
            return null;
        if (found.Length > 1)
            throw new GraftException($"{path}: has '{name}' inside {found.Length} times; which of them is meant cannot be told. The file is damaged, or made to look like another one.");
        ZipArchiveEntry part = found[0];
        long file = new FileInfo(path).Length, packed = part.CompressedLength;
        if (packed > file || part.Length > packed * DeflateRatio + DeflateRatio || part.Length > Array.MaxLength)
            throw new GraftException($"{path}: '{name}' inside claims {part.Length} bytes, packed into {packed} of the file's {file}; the file is damaged.");
        using Stream stream = part.Open();
        byte[] bytes = part.Length <= Usual * packed + Few ? Exactly(stream, (int)part.Length) : Growing(stream, (int)part.Length);
        if (bytes.Length != part.Length || stream.ReadByte() >= 0)
            throw new GraftException($"{path}: '{name}' inside claims {part.Length} bytes and unpacks to {(bytes.Length < part.Length ? $"{bytes.Length}" : "more")}; the file is damaged.");
        return Crc32(bytes) == part.Crc32 ? bytes : throw new GraftException($"{path}: '{name}' inside has not the checksum that was stored with it; the file is damaged. Use another copy.");
    }

    /// <summary>A part that is text; null where there is none of this name.</summary>
    /// <inheritdoc cref="Read"/>
    public static string? Text(ZipArchive zip, string path, string name) => Read(zip, path, name) is { } bytes ? Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF') : null;

    private static byte[] Exactly(Stream stream, int count)
    {
        var bytes = new byte[count];
        int read = stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false);
        return read == count ? bytes : bytes[..read];
    }

    // CRC-32 of APPNOTE.TXT 4.4.7, eight bytes at a time: table k holds what a byte adds that k more follow (Kounavis and Berry 2005, "slicing by eight").
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            uint low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes), high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = s_crc[7][(byte)low] ^ s_crc[6][(byte)(low >> 8)] ^ s_crc[5][(byte)(low >> 16)] ^ s_crc[4][low >> 24]
                ^ s_crc[3][(byte)high] ^ s_crc[2][(byte)(high >> 8)] ^ s_crc[1][(byte)(high >> 16)] ^ s_crc[0][high >> 24];
        }
        foreach (byte b in bytes)
            crc = (crc >> 8) ^ s_crc[0][(byte)(crc ^ b)];
        return ~crc;
    }

    private static uint[][] CrcTables()
    {
        var tables = new uint[8][];
        for (int k = 0; k < tables.Length; k++)
        {
            tables[k] = new uint[256];
            for (uint i = 0; i < 256; i++)
            {
                uint crc = k == 0 ? i : tables[k - 1][i];
                for (int bit = 0; bit < 8; bit++)
                    crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
                tables[k][i] = crc;
            }
        }
        return tables;
    }

    private static byte[] Growing(Stream stream, int most)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (bytes.Length < most && stream.Read(buffer, 0, (int)Math.Min(buffer.Length, most - bytes.Length)) is > 0 and var read)
            bytes.Write(buffer, 0, read);
        return bytes.ToArray();
    }
}

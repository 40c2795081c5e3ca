using System.Buffers.Binary;

namespace Graft.Importers.Keras.Structure;

/// <summary>Steps through a piece of an HDF5 file; nothing beyond the piece's end is ever read.</summary>
/// <param name="bytes">The piece.</param>
/// <param name="path">The file, for errors.</param>
/// <param name="what">What the piece is, for errors: "an attribute".</param>
internal ref struct Hdf5Cursor(ReadOnlySpan<byte> bytes, string path, string what)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Bytes that are left.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>The next whole number, little-endian, of 0 to 8 bytes.</summary>
    public ulong Number(int size)
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        wide.Clear();
        Bytes((ulong)size).CopyTo(wide);
        return BinaryPrimitives.ReadUInt64LittleEndian(wide);
    }

    /// <summary>The next bytes.</summary>
    public ReadOnlySpan<byte> Bytes(ulong count)
    {
        if (count > (ulong)_rest.Length)
            throw Damaged($"{count} bytes are due where {_rest.Length} are left");
        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    /// <summary>A piece of its own.</summary>
    public Hdf5Cursor Piece(ulong count, string name) => new(Bytes(count), path, name);

    /// <summary>Passes over a text with its zero byte, and over what fills it up to a multiple of <paramref name="padding"/>.</summary>
    public void Text(int padding)
    {
        int end = _rest.IndexOf((byte)0);
        if (end < 0)
            throw Damaged("a text has no end");
        Bytes(Math.Min((ulong)_rest.Length, (ulong)((end + padding) / padding * padding)));
    }

    /// <summary>The error that the piece is not true.</summary>
    public readonly GraftException Damaged(string how) => Hdf5Damage.Of(path, $"{what} is damaged: {how}");
}

/// <summary>Errors of damaged HDF5.</summary>
internal static class Hdf5Damage
{
    /// <summary>The file cannot be used.</summary>
    public static GraftException Of(string path, string how, Exception? inner = null) =>
        new($"{path}: its HDF5 structure cannot be read ({how.ReplaceLineEndings(" ").TrimEnd('.')}); the file is damaged. Use another copy.", inner!);

    /// <summary>The file uses what is not read here.</summary>
    public static GraftException Unread(string path, string what) =>
        new($"{path}: {what}, which Keras does not write and this version does not read. Copy the arrays into a new file with h5py's defaults.");
}

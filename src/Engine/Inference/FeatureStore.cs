using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Graft.Inference;

/// <summary>Rows of features, one a sample: in memory, or in a file where they are too many or shall outlive the run.</summary>
/// <remarks>
/// A file begins with a head (mark, digest of what the features belong to, rows, numbers a row); each row stands behind a check sum of its
/// own, 0 where it is not written yet, so that a run that was ended anywhere leaves a file of whole rows. The file is read and written by position
/// and not mapped: a full disk is then an error that is told, not a signal that ends the program.
/// </remarks>
internal sealed class FeatureStore : IDisposable
{
    private const int HeadBytes = 64, DigestBytes = 32;

    private static ReadOnlySpan<byte> Mark => "GRAFTFC1"u8;

    private readonly float[]?[]? _memory;
    private readonly SafeFileHandle? _file;
    private readonly bool[] _has;
    private readonly byte[] _buffer;

    private FeatureStore(int rows, int width, SafeFileHandle? file)
    {
        Width = width;
        _has = new bool[rows];
        _file = file;
        _memory = file is null ? new float[]?[rows] : null;
        _buffer = file is null ? [] : new byte[sizeof(ulong) + (long)width * sizeof(float)];
    }

    /// <summary>Numbers a row.</summary>
    public int Width { get; }

    /// <summary>Rows that are there.</summary>
    public int Count { get; private set; }

    /// <summary>True where the rows are in a file.</summary>
    public bool IsFile => _file is not null;

    /// <summary>Rows in memory.</summary>
    public static FeatureStore InMemory(int rows, int width) => new(rows, width, null);

    /// <summary>Rows in a file that goes away with the store.</summary>
    /// <exception cref="IOException">The file cannot be made.</exception>
    public static FeatureStore InTemporaryFile(int rows, int width)
    {
        string path = Path.Combine(Path.GetTempPath(), $"graft-features-{Environment.ProcessId}-{Guid.NewGuid():N}");
        var store = new FeatureStore(rows, width, File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose));
        store.WriteHead(new byte[DigestBytes]);
        return store;
    }

    /// <summary>Rows in a file that stays; what is in it already and fits is there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="digest">32 bytes that say what the features belong to.</param>
    /// <param name="rows">Samples.</param>
    /// <param name="width">Numbers a sample.</param>
    /// <exception cref="IOException">The file cannot be opened, or another run uses it.</exception>
    public static FeatureStore InFile(string path, ReadOnlySpan<byte> digest, int rows, int width)
    {
        var store = new FeatureStore(rows, width, File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        try
        {
            if (store.HasHead(digest))
                store.FindRows();
            else
                store.WriteHead(digest);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>True where a row is there; a damaged one is found when it is read.</summary>
    public bool Has(int row) => _has[row];

    /// <summary>Reads a row; false where it is not there, or damaged.</summary>
    public bool TryGet(int row, Span<float> numbers)
    {
        if (!_has[row])
            return false;
        if (_memory is not null)
        {
            _memory[row].CopyTo(numbers);
            return true;
        }
        Span<byte> features = _buffer.AsSpan(sizeof(ulong));
        if (RandomAccess.Read(_file!, _buffer, PlaceOf(row)) == _buffer.Length && MemoryMarshal.Read<ulong>(_buffer) == CheckSum(features))
        {
            MemoryMarshal.Cast<byte, float>(features).CopyTo(numbers);
            return true;
        }
        _has[row] = false;
        Count--;
        return false;
    }

    /// <summary>Keeps a row.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Put(int row, ReadOnlySpan<float> numbers)
    {
        if (_memory is not null)
        {
            _memory[row] = numbers.ToArray();
        }
        else
        {
            Span<byte> features = _buffer.AsSpan(sizeof(ulong));
            MemoryMarshal.AsBytes(numbers).CopyTo(features);
            MemoryMarshal.Write(_buffer, CheckSum(features));
            RandomAccess.Write(_file!, _buffer, PlaceOf(row));
        }
        Count += _has[row] ? 0 : 1;
        _has[row] = true;
    }

    public void Dispose() => _file?.Dispose();

    private long PlaceOf(int row) => HeadBytes + (long)row * _buffer.Length;

    private bool HasHead(ReadOnlySpan<byte> digest)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        return RandomAccess.Read(_file!, head, 0) == HeadBytes && head.SequenceEqual(Head(digest, stackalloc byte[HeadBytes]));
    }

    private void WriteHead(ReadOnlySpan<byte> digest)
    {
        RandomAccess.SetLength(_file!, 0);
        RandomAccess.Write(_file!, Head(digest, stackalloc byte[HeadBytes]), 0);
    }

    private Span<byte> Head(ReadOnlySpan<byte> digest, Span<byte> head)
    {
        head.Clear();
        Mark.CopyTo(head);
        digest.CopyTo(head[Mark.Length..]);
        MemoryMarshal.Write(head[(Mark.Length + DigestBytes)..], _has.Length);
        MemoryMarshal.Write(head[(Mark.Length + DigestBytes + sizeof(int))..], Width);
        return head;
    }

    private void FindRows()
    {
        Span<byte> sum = stackalloc byte[sizeof(ulong)];
        for (int row = 0; row < _has.Length; row++)
        {
            _has[row] = RandomAccess.Read(_file!, sum, PlaceOf(row)) == sum.Length && MemoryMarshal.Read<ulong>(sum) != 0;
            Count += _has[row] ? 1 : 0;
        }
    }

    /// <summary>FNV-1a over words of eight bytes, never 0: it finds what a disk does to a file, not what an enemy does.</summary>
    private static ulong CheckSum(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14695981039346656037; // FNV-1a offset basis
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
            hash = (hash ^ word) * 1099511628211; // FNV-1a prime
        foreach (byte b in bytes[(bytes.Length / sizeof(ulong) * sizeof(ulong))..])
            hash = (hash ^ b) * 1099511628211;
        return hash == 0 ? 1 : hash;
    }
}

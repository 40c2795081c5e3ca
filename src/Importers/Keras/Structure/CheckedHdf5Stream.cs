using System.Runtime.CompilerServices;
using PureHDF;

namespace Graft.Importers.Keras.Structure;

/// <summary>
/// The stream through which PureHDF reads. PureHDF believes what a file says: it makes room for any size, follows any address, however often.
/// Here each structure is checked when PureHDF comes to it, before it is read, and reading without end is ended.
/// </summary>
/// <remarks>
/// Structures are recognised by how PureHDF reads them: a signature of four bytes; an object header, of a single byte behind a jump; what lies in a fractal heap,
/// likewise, behind the signature of the heap's block. Numbers of arrays come by <see cref="IDatasetStream"/> and are not looked at. An address is always one from
/// the file's beginning (superblocks elsewhere are refused by <see cref="Hdf5Source"/>). What a check reads counts as what PureHDF reads.
/// </remarks>
internal sealed class CheckedHdf5Stream : Stream, IDatasetStream
{
    // What reading may cost: a file without end costs more. PureHDF reads all names of a group anew for each comparison with the one that it looks for, so that
    // bytes grow with the square of a file's length.
    private const long FewReads = 1 << 19, ReadsAByte = 64, MostReads = 1 << 26;
    private const long FewBytes = 16L << 20, BytesAByte = 64, BytesOfSquare = 512, MostBytes = 16L << 30;
    private const int BetweenLooks = 256; // reads between two looks at the allocated bytes

    private readonly Stream _inner;
    private readonly Hdf5HeaderCheck _headers;
    private readonly Hdf5NodeCheck _nodes;
    private readonly long _allocated = GC.GetAllocatedBytesForCurrentThread();
    private readonly long _mostReads, _mostBytes;
    private long _reads, _bytes;
    private bool _jumped, _isHeap;

    /// <summary>Takes a stream over.</summary>
    /// <param name="inner">The file; it is closed with this stream.</param>
    /// <param name="path">Its path, for errors.</param>
    public CheckedHdf5Stream(Stream inner, string path)
    {
        (_inner, Path, Length) = (inner, path, inner.Length);
        _mostReads = FewReads + Math.Min(ReadsAByte * Length, MostReads);
        _mostBytes = FewBytes + BytesAByte * Length + (long)Math.Min((double)Length * Length / BytesOfSquare, MostBytes);
        (_headers, _nodes) = (new Hdf5HeaderCheck(this), new Hdf5NodeCheck(this));
        Hdf5Cursor head = Piece(8, 8, "the superblock"); // behind the signature
        bool old = head.Number(1) < 2;
        head.Bytes(old ? 4UL : 0);
        (OffsetBytes, LengthBytes) = ((int)head.Number(1), (int)head.Number(1));
        if (!IsWidth(OffsetBytes) || !IsWidth(LengthBytes))
            throw head.Damaged($"addresses have {OffsetBytes} bytes and lengths {LengthBytes}");
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Bytes of an address, and of a length.</summary>
    public int OffsetBytes { get; }

    /// <inheritdoc cref="OffsetBytes"/>
    public int LengthBytes { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Position
    {
        get => _inner.Position;
        set => Seek(value, SeekOrigin.Begin);
    }

    /// <summary>A piece of the file to look at; where PureHDF reads next stays as it is.</summary>
    /// <exception cref="GraftException">It is not within the file.</exception>
    public Hdf5Cursor Piece(long at, ulong bytes, string what)
    {
        Within((ulong)at, bytes, what);
        Count((long)bytes);
        var piece = new byte[(int)bytes];
        long before = _inner.Position;
        _inner.Position = at;
        _inner.ReadExactly(piece);
        _inner.Position = before;
        return new Hdf5Cursor(piece, Path, what);
    }

    /// <summary>Checks that a piece is within the file.</summary>
    /// <exception cref="GraftException">It is not.</exception>
    public void Within(ulong at, ulong bytes, string what)
    {
        if (at > (ulong)Length || bytes > (ulong)Length - at)
            throw Hdf5Damage.Of(Path, $"{what} of {bytes} bytes is due at byte {at}, the file has {Length}");
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        Count(buffer.Length);
        bool jumped = _jumped;
        _jumped = false;
        if (buffer.Length == 1 && jumped)
            Object(_inner.Position);
        long at = _inner.Position;
        int read = _inner.Read(buffer);
        if (buffer.Length == 4 && read == 4)
            Node(buffer, at);
        return read;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public void ReadDataset(Span<byte> buffer)
    {
        Count(buffer.Length);
        _jumped = false;
        _inner.ReadExactly(buffer);
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        _jumped = origin == SeekOrigin.Begin;
        long to = origin switch { SeekOrigin.Begin => offset, SeekOrigin.Current => _inner.Position + offset, _ => Length + offset };
        if (to < 0 || to > Length)
            throw Hdf5Damage.Of(Path, $"an address leads to byte {(ulong)to}, the file has {Length}");
        return _inner.Seek(to, SeekOrigin.Begin);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    private static bool IsWidth(int bytes) => bytes is 2 or 4 or 8;

    private void Object(long at)
    {
        byte first = (byte)Piece(at, 1, "an object").Number(1);
        if (_isHeap)
            _headers.CheckInHeap(at);
        else if (first is 1 or (byte)'O')
            _nodes.ChunkAxes = _headers.Check(at) is > 0 and var axes ? axes : _nodes.ChunkAxes;
        _isHeap = false;
    }

    private void Node(ReadOnlySpan<byte> signature, long at)
    {
        if (signature.SequenceEqual("FHDB"u8))
            _isHeap = true; // the next jump is to a link or attribute in this block
        else if (signature[0] is >= (byte)'A' and <= (byte)'Z')
            _nodes.Check(signature, at);
    }

    private void Count(long bytes)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Hdf5Damage.Of(Path, "its structures lead to one another without end");
        _bytes += bytes;
        if (_bytes > _mostBytes || ++_reads > _mostReads || (_reads % BetweenLooks == 0 && GC.GetAllocatedBytesForCurrentThread() - _allocated > _mostBytes))
            throw Hdf5Damage.Of(Path, "there is no end to what it says it holds");
    }
}

namespace Graft.Importers.Hdf5;

/// <summary>The parts of a file in the order of their addresses; what stands in them is asked for when all addresses are known.</summary>
internal sealed class Hdf5Layout
{
    /// <summary>The address of what is nowhere.</summary>
    public const long Undefined = -1;

    private readonly List<(long Address, Action<Stream> Write)> _parts = [];

    /// <summary>Where the file ends.</summary>
    public long End { get; private set; }

    /// <summary>Takes room for a structure; returns its address.</summary>
    public long Reserve(long size, Func<byte[]> content) => Reserve(size, stream => stream.Write(content()));

    /// <summary>Takes room for numbers, which are written when it is their turn.</summary>
    public long Reserve(long size, Action<Stream> write)
    {
        long address = End;
        _parts.Add((address, write));
        End = Hdf5Bytes.Aligned(address + size);
        return address;
    }

    /// <summary>Writes all parts, one behind the other: the stream need not seek.</summary>
    public void Write(Stream stream)
    {
        var counted = new CountingStream(stream);
        foreach ((long address, Action<Stream> write) in _parts)
        {
            counted.PadTo(address);
            write(counted);
        }
        counted.PadTo(End);
    }

    /// <summary>A stream that knows how much was written.</summary>
    private sealed class CountingStream(Stream inner) : Stream
    {
        private long _written;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _written;

        public override long Position
        {
            get => _written;
            set => throw new NotSupportedException();
        }

        public void PadTo(long address)
        {
            if (_written > address)
                throw new InvalidOperationException($"A part of the file went on to {_written}, the next one is due at {address}.");
            Write(new byte[address - _written]);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            _written += buffer.Length;
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}

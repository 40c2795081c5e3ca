using System.IO.MemoryMappedFiles;

namespace Graft.Kernels;

/// <summary>A range of a file as read-only memory: the system brings its pages when they are touched, and nothing is copied.</summary>
/// <remarks>The file must not shrink while it is mapped; a range is therefore mapped for one reading and given back.</remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;

    /// <summary>Maps a range.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="count">Number of bytes; 0 maps nothing.</param>
    /// <exception cref="EndOfStreamException">The file is shorter.</exception>
    /// <exception cref="IOException">The file cannot be opened or mapped.</exception>
    public MappedFile(string path, long offset, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        if (count > stream.Length - offset)
            throw new EndOfStreamException($"has {stream.Length} bytes, {offset + count} are due");
        if (count == 0)
            return;
        // The mapping outlives the stream and the file object: the view alone holds it.
        using var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = file.CreateViewAccessor(offset, count, MemoryMappedFileAccess.Read);
        byte* page = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref page);
        _start = page + _view.PointerOffset; // a view begins at a page
    }

    /// <summary>Number of bytes.</summary>
    public long Count { get; }

    /// <summary>Some of the bytes; a span holds at most 2^31 - 1.</summary>
    public ReadOnlySpan<byte> Bytes(long from, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from + count, Count);
        return new ReadOnlySpan<byte>(_start + from, count);
    }

    /// <summary>Gives the range back; spans over it must not be used any more.</summary>
    public void Dispose()
    {
        if (_view is null)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
    }
}

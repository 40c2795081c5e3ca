using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Copies between pageable host memory and the device, by way of a ring of pinned buffers.</summary>
/// <remarks>
/// An upload returns as soon as the host's numbers have been read. Large ones go piece by piece: into a pinned buffer, on a stream of their own into a
/// device buffer of the ring, and from there, in the order of the compute stream, to their place. So the slow copy over the bus runs beside kernels
/// that were handed in before, and the place, which those kernels may still use, is written after them. Small ones go by the compute stream alone.
/// </remarks>
internal sealed unsafe class CudaTransfers(CudaContext context) : IDisposable
{
    private const int SlotBytes = 4 << 20, SlotCount = 4;
    private const int Small = 64 << 10; // bytes; a copy of these takes less time than the two events that let it overlap

    private readonly Lock _lock = new();
    private readonly List<Slot> _slots = [];
    private CudaStream? _stream;
    private int _next;

    /// <summary>Copies host memory to the device, in the order of the compute stream.</summary>
    public void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        lock (_lock)
        {
            context.Use();
            for (int at = 0; at < source.Length; at += SlotBytes)
            {
                ReadOnlySpan<byte> piece = source.Slice(at, Math.Min(SlotBytes, source.Length - at));
                Slot slot = Next();
                piece.CopyTo(slot.Host.Bytes);
                if (source.Length <= Small)
                    slot.UploadInOrder(piece.Length, destination + at, context.Stream);
                else
                    slot.UploadBeside(piece.Length, destination + at, context.Stream, _stream ??= new CudaStream());
            }
        }
    }

    /// <summary>Copies device memory to the host after all work so far; two pieces are under way at a time.</summary>
    public void Download(nint source, Span<byte> destination)
    {
        lock (_lock)
        {
            context.Use();
            (Slot Slot, int At, int Bytes)? before = null;
            for (int at = 0; at < destination.Length; at += SlotBytes)
            {
                int bytes = Math.Min(SlotBytes, destination.Length - at);
                Slot slot = Next();
                slot.Download(source + at, bytes, context.Stream);
                Take(before, destination);
                before = (slot, at, bytes);
            }
            Take(before, destination);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Slot slot in _slots)
            slot.Dispose();
        _slots.Clear();
        _stream?.Dispose();
        _stream = null;
    }

    private static void Take((Slot Slot, int At, int Bytes)? piece, Span<byte> destination)
    {
        if (piece is not { } p)
            return;
        p.Slot.WaitUntilFree();
        p.Slot.Host.Bytes[..p.Bytes].CopyTo(destination.Slice(p.At, p.Bytes));
    }

    private Slot Next()
    {
        if (_slots.Count < SlotCount)
            _slots.Add(new Slot(context));
        Slot slot = _slots[_next++ % SlotCount % _slots.Count];
        slot.WaitUntilFree();
        return slot;
    }

    /// <summary>A pinned buffer with, once it is needed, a device buffer of the same size.</summary>
    private sealed class Slot : IDisposable
    {
        private readonly CudaContext _context;
        private readonly CudaEvent _copied, _taken;
        private nint _device;

        public Slot(CudaContext context)
        {
            _context = context;
            Host = new PinnedBuffer(SlotBytes); // what may fail comes first: nothing is left behind
            _copied = new CudaEvent();
            _taken = new CudaEvent();
        }

        public PinnedBuffer Host { get; }

        /// <summary>Waits until the last copy from or to the pinned buffer is done.</summary>
        public void WaitUntilFree() => _copied.Synchronize();

        public void UploadInOrder(int bytes, nint destination, CudaStream compute)
        {
            Check.Ok(Driver.cuMemcpyHtoDAsync_v2((ulong)destination, Host.Address, (nuint)bytes, compute.Handle));
            _copied.Record(compute);
        }

        public void UploadBeside(int bytes, nint destination, CudaStream compute, CudaStream copies)
        {
            if (_device == 0)
            {
                _device = _context.Memory.Allocate(SlotBytes);
                _taken.Record(compute); // the allocation is in the order of the compute stream
            }
            copies.WaitFor(_taken);
            Check.Ok(Driver.cuMemcpyHtoDAsync_v2((ulong)_device, Host.Address, (nuint)bytes, copies.Handle));
            _copied.Record(copies);
            compute.WaitFor(_copied);
            Check.Ok(Driver.cuMemcpyDtoDAsync_v2((ulong)destination, (ulong)_device, (nuint)bytes, compute.Handle));
            _taken.Record(compute);
        }

        public void Download(nint source, int bytes, CudaStream compute)
        {
            Check.Ok(Driver.cuMemcpyDtoHAsync_v2(Host.Address, (ulong)source, (nuint)bytes, compute.Handle));
            _copied.Record(compute);
        }

        public void Dispose()
        {
            if (_device != 0)
                _context.Memory.Free(_device);
            Host.Dispose();
            _copied.Dispose();
            _taken.Dispose();
        }
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Copies between pageable host memory and the device, by way of rings of pinned buffers.</summary>
/// <remarks>
/// An upload returns as soon as the host's numbers have been read. Large ones go piece by piece: into a pinned buffer, on a stream of their own into a
/// device buffer of the ring, and from there, in the order of the compute stream, to their place. So the slow copy over the bus runs beside kernels
/// that were handed in before, and the place, which those kernels may still use, is written after them. Small ones go by the compute stream alone.
/// A ring grows rather than let the host wait for a buffer, up to a limit: a batch of up to 64 MiB is brought while the step before still computes.
/// </remarks>
internal sealed unsafe class CudaTransfers(CudaContext context) : IDisposable
{
    private const int LargeBytes = 4 << 20, MostLarge = 16; // pinned memory is dear: 64 MiB of it at most
    private const int Together = 8; // pieces that threads copy at once
    private const int SmallBytes = 64 << 10, MostSmall = 32; // a copy of these takes less time than the two events that let it overlap

    private readonly Lock _lock = new();
    private readonly Ring _large = new(context, LargeBytes, MostLarge), _small = new(context, SmallBytes, MostSmall);
    private readonly List<Slot> _numbers = []; // one a number that is under way
    private readonly Stack<Slot> _idle = []; // of those
    private CudaStream? _stream;

    /// <summary>Seconds for which threads waited for copies.</summary>
    public double SecondsWaited { get; private set; }

    /// <summary>Copies host memory to the device, in the order of the compute stream.</summary>
    public void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        context.Recording?.Refuse("it brings numbers from the host");
        lock (_lock)
        {
            context.Use();
            if (source.Length <= SmallBytes)
            {
                if (source.Length > 0)
                    _small.Next().UploadInOrder(source, destination, context.Stream);
                return;
            }
            for (int at = 0; at < source.Length; at += LargeBytes * Together)
                UploadTogether(source.Slice(at, Math.Min(LargeBytes * Together, source.Length - at)), destination + at);
        }
    }

    /// <summary>Copies device memory to the host after all work so far; two pieces are under way at a time. Then the answers of checks are looked at.</summary>
    /// <exception cref="GraftException">A check that this thread asked for has a bad answer: see <see cref="CudaChecks"/>.</exception>
    public void Download(nint source, Span<byte> destination, Action? meanwhile = null)
    {
        context.Recording?.Refuse("it reads numbers back to the host");
        lock (_lock)
        {
            context.Use();
            (Slot Slot, int At, int Bytes)? before = null;
            Ring ring = destination.Length <= SmallBytes ? _small : _large;
            for (int at = 0; at < destination.Length; at += ring.Bytes)
            {
                int bytes = Math.Min(ring.Bytes, destination.Length - at);
                Slot slot = ring.Next();
                slot.Download(source + at, bytes, context.Stream);
                Take(before, destination);
                before = (slot, at, bytes);
            }
            meanwhile?.Invoke(); // hands in work behind the last copy, which alone is waited for
            Take(before, destination);
        }
        Look();
    }

    /// <summary>Begins to bring a float to the host.</summary>
    public PendingNumber Request(nint source)
    {
        context.Recording?.Refuse("it reads numbers back to the host");
        lock (_lock)
        {
            context.Use();
            if (!_idle.TryPop(out Slot? slot))
                _numbers.Add(slot = new Slot(context, sizeof(float)));
            var number = new Number(this, slot, context.Checks.Asked);
            try
            {
                slot.Download(source, sizeof(float), context.Stream);
            }
            catch
            {
                number.Dispose();
                throw;
            }
            return number;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _large.Dispose();
        _small.Dispose();
        _numbers.ForEach(s => s.Dispose());
        _numbers.Clear();
        _idle.Clear();
        _stream?.Dispose();
        _stream = null;
    }

    /// <summary>Some large pieces: one thread does not reach the bandwidth of the host's memory.</summary>
    private void UploadTogether(ReadOnlySpan<byte> source, nint destination)
    {
        Slot[] slots = _large.Next((source.Length + LargeBytes - 1) / LargeBytes);
        int total = source.Length;
        if (slots.Length == 1)
        {
            source.CopyTo(slots[0].Host.Bytes);
        }
        else
        {
            fixed (byte* first = source)
            {
                nint from = (nint)first; // stays where it is until all threads are done
                Parallel.For(0, slots.Length, i => new ReadOnlySpan<byte>((byte*)from + i * LargeBytes, BytesOf(i)).CopyTo(slots[i].Host.Bytes));
            }
        }
        for (int i = 0; i < slots.Length; i++)
            slots[i].UploadBeside(BytesOf(i), destination + i * LargeBytes, context.Stream, _stream ??= new CudaStream());

        int BytesOf(int piece) => Math.Min(LargeBytes, total - piece * LargeBytes);
    }

    private void Use() => context.Use();

    private void Look(long last = long.MaxValue) => context.Checks.Look(last);

    private static void Take((Slot Slot, int At, int Bytes)? piece, Span<byte> destination)
    {
        if (piece is not { } p)
            return;
        p.Slot.Wait();
        p.Slot.Host.Bytes[..p.Bytes].CopyTo(destination.Slice(p.At, p.Bytes));
    }

    /// <summary>Buffers of one size, the one that was used longest ago next.</summary>
    private sealed class Ring(CudaContext context, int bytes, int most) : IDisposable
    {
        private readonly List<Slot> _slots = [];
        private int _next;

        public int Bytes => bytes;

        /// <summary>A buffer that no copy uses: another one where all are in use, as long as there may be more.</summary>
        public Slot Next()
        {
            if (_slots.Count < most && (_slots.Count == 0 || !_slots[_next].IsFree))
                _slots.Insert(_next, new Slot(context, bytes));
            Slot slot = _slots[_next];
            _next = (_next + 1) % _slots.Count;
            if (!slot.IsFree)
                slot.Wait();
            return slot;
        }

        /// <summary>As many buffers, each another one.</summary>
        public Slot[] Next(int count)
        {
            while (_slots.Count < count)
                _slots.Add(new Slot(context, bytes));
            var slots = new Slot[count];
            for (int i = 0; i < count; i++)
                slots[i] = Next();
            return slots;
        }

        public void Dispose()
        {
            foreach (Slot slot in _slots)
                slot.Dispose();
            _slots.Clear();
            _next = 0;
        }
    }

    /// <summary>A float under way.</summary>
    private sealed class Number(CudaTransfers transfers, Slot slot, long checks) : PendingNumber
    {
        private bool _isOver;

        public override float Wait()
        {
            transfers.Use();
            slot.Wait();
            float value = MemoryMarshal.Read<float>(slot.Host.Bytes);
            transfers.Look(checks); // those that were asked before it
            return value;
        }

        /// <summary>The next copy into the place comes behind this one, be it done or not.</summary>
        public override void Dispose()
        {
            if (_isOver)
                return;
            _isOver = true;
            lock (transfers._lock)
                transfers._idle.Push(slot);
        }
    }

    /// <summary>A pinned buffer with, once it is needed, a device buffer of the same size.</summary>
    private sealed class Slot : IDisposable
    {
        private readonly CudaContext _context;
        private readonly CudaEvent _copied, _taken;
        private nint _device;

        public Slot(CudaContext context, int bytes)
        {
            _context = context;
            Host = new PinnedBuffer(bytes); // what may fail comes first: nothing is left behind
            _copied = new CudaEvent();
            _taken = new CudaEvent();
        }

        public PinnedBuffer Host { get; }

        /// <summary>True where the last copy from or to the pinned buffer is done.</summary>
        public bool IsFree => _copied.IsPast;

        /// <summary>Waits until it is.</summary>
        public void Wait()
        {
            long start = Stopwatch.GetTimestamp();
            _copied.Synchronize();
            _context.Transfers.SecondsWaited += Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        public void UploadInOrder(ReadOnlySpan<byte> source, nint destination, CudaStream compute)
        {
            source.CopyTo(Host.Bytes);
            Check.Ok(Driver.cuMemcpyHtoDAsync_v2((ulong)destination, Host.Address, (nuint)source.Length, compute.Handle));
            _copied.Record(compute);
        }

        /// <summary>Brings what lies in the pinned buffer.</summary>
        public void UploadBeside(int bytes, nint destination, CudaStream compute, CudaStream copies)
        {
            if (_device == 0)
            {
                _device = _context.Memory.AllocateApart(Host.Size);
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

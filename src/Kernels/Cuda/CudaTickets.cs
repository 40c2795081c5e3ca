using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Counters by which the last block of some finds out that it is the last (is_last in Common.cuh): 0 between kernels, and the same for all, which follow one another.</summary>
internal sealed class CudaTickets(CudaContext context) : IDisposable
{
    /// <summary>How many there are.</summary>
    public const int Count = 1 << 14;

    private readonly Lock _lock = new();
    private nint _address;

    /// <summary>Where they lie; made at the first call.</summary>
    public nint Address
    {
        get
        {
            lock (_lock)
            {
                if (_address == 0)
                {
                    nint made = context.Memory.AllocateApart(Count * sizeof(int));
                    Check.Ok(Driver.cuMemsetD32Async((ulong)made, 0, Count, context.Stream.Handle));
                    _address = made;
                }
                return _address;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_address != 0)
            context.Memory.Free(_address);
        _address = 0;
    }
}

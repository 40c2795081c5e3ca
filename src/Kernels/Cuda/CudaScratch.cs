namespace Graft.Kernels.Cuda;

/// <summary>A block for the kernels of one call; given back in the order of the compute stream, behind them.</summary>
internal readonly struct CudaScratch : IDisposable
{
    private readonly CudaContext _context;
    private readonly long _bytes;

    public CudaScratch(CudaContext context, long bytes)
    {
        (_context, _bytes) = (context, bytes);
        Address = context.Memory.Lend(bytes);
    }

    /// <summary>Where it begins; 0 for the default, which holds nothing.</summary>
    public nint Address { get; }

    /// <summary>A block with what an action writes there; none where that fails.</summary>
    public static CudaScratch Filled(CudaContext context, long bytes, Action<nint> fill)
    {
        var block = new CudaScratch(context, bytes);
        try
        {
            fill(block.Address);
        }
        catch
        {
            block.Dispose();
            throw;
        }
        return block;
    }

    public void Dispose()
    {
        if (Address != 0)
            _context.Memory.TakeBack(Address, _bytes);
    }
}

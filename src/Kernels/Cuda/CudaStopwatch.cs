namespace Graft.Kernels.Cuda;

/// <summary>Times work of the compute stream by the GPU's own clock: from where the stream comes to the first kernel to the end of the last.</summary>
internal sealed class CudaStopwatch : IDisposable
{
    private readonly CudaContext _context;
    private readonly CudaEvent _start, _end;

    /// <summary>A stopwatch for one GPU.</summary>
    public CudaStopwatch(CudaContext context)
    {
        _context = context;
        context.Use();
        (_start, _end) = (new CudaEvent(isTimed: true), new CudaEvent(isTimed: true));
    }

    /// <summary>Seconds that some runs of <paramref name="work"/> take, one after the other; waits for their end.</summary>
    public double Seconds(Action work, int runs)
    {
        _context.Use();
        _start.Record(_context.Stream);
        for (int i = 0; i < runs; i++)
            work();
        _context.Use(); // the work may have gone to another GPU meanwhile
        _end.Record(_context.Stream);
        _end.Synchronize();
        return _end.SecondsSince(_start);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _start.Dispose();
        _end.Dispose();
    }
}

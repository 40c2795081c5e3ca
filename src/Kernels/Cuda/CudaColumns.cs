namespace Graft.Kernels.Cuda;

/// <summary>How blocks of 256 threads share [rows, columns], as Columns.cuh has it: 1 &lt;&lt; Log neighbouring threads own four columns each.</summary>
/// <param name="Log">The logarithm of the threads side by side, at most 5.</param>
/// <param name="Blocks">Blocks that cover all columns.</param>
internal readonly record struct CudaColumns(int Log, int Blocks)
{
    /// <summary>Rows that a thread has in flight.</summary>
    public const int StepRows = 4;

    private const int MostLog = 5;
    private const int Multiprocessors = 132; // of a large GPU
    private const int MostAtOnce = 5; // blocks of a multiprocessor less the arrays that a kernel reads: as many run at once
    private const int MostParts = 1024; // segments

    /// <summary>Threads that share the rows of a column.</summary>
    public int RowLanes => KernelFunction.Threads >> Log;

    /// <summary>For a number of columns: a warp side by side, fewer where too many of them would have none.</summary>
    public static CudaColumns Of(long columns)
    {
        long fours = Math.Max(1, (columns + 3) / 4);
        int best = 0;
        long bestLanes = long.MaxValue;
        for (int log = MostLog; log >= 0; log--)
        {
            long lanes = ((fours + (1L << log) - 1) >> log) << log;
            if (lanes < bestLanes - bestLanes / 8)
                (best, bestLanes) = (log, lanes);
            if (log == 3 && fours >= 8)
                break; // 128 neighbouring bytes
        }
        return new CudaColumns(best, checked((int)(bestLanes >> best)));
    }

    /// <summary>Segments that the rows of one sum are cut into.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="others">Such sums side by side.</param>
    /// <param name="reads">Arrays that are read, at most three.</param>
    public int Segments(long rows, long others = 1, int reads = 1) =>
        (int)Math.Clamp(Math.Min((MostAtOnce - reads) * Multiprocessors / Math.Max(1, Blocks * others), Steps(rows)), 1, MostParts);

    /// <summary>Steps of a block over all rows.</summary>
    public long Steps(long rows) => (rows + (long)StepRows * RowLanes - 1) / (StepRows * RowLanes);
}

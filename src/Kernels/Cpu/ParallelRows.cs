namespace Graft.Kernels.Cpu;

/// <summary>Rows cut into chunks of a size that the caller gives. Each row is done by one thread, in one order, so that the size changes no bit.</summary>
internal static class ParallelRows
{
    /// <summary>Runs <paramref name="body"/> over <paramref name="rows"/> rows, <paramref name="rowsPerChunk"/> at a time (the last chunk may be shorter).</summary>
    public static void Run<T>(int rows, int rowsPerChunk, T body) where T : unmanaged, IRowBody
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsPerChunk, 1);
        var chunked = new Chunked<T> { Body = body, Rows = rows, RowsPerChunk = rowsPerChunk };
        WorkerPool.For((int)(((long)rows + rowsPerChunk - 1) / rowsPerChunk), ref chunked);
    }

    /// <summary>
    /// Rows per chunk such that a chunk touches about <paramref name="elementsPerChunk"/> elements: small enough to balance, large
    /// enough that handing it out costs little.
    /// </summary>
    public static int RowsPerChunk(long elementsPerRow, long elementsPerChunk = 16384) =>
        (int)Math.Clamp(elementsPerChunk / Math.Max(elementsPerRow, 1), 1, int.MaxValue);

    private struct Chunked<T> : IChunkBody where T : unmanaged, IRowBody
    {
        public T Body;
        public int Rows;
        public int RowsPerChunk;

        public readonly void Run(int chunk)
        {
            int first = chunk * RowsPerChunk;
            Body.Run(first, (int)Math.Min((long)first + RowsPerChunk, Rows));
        }
    }
}

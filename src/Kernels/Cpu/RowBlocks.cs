namespace Graft.Kernels.Cpu;

/// <summary>Work on rows that do not depend on each other: rows of a matrix, rows of an image.</summary>
internal interface IRowWork
{
    /// <summary>Does one row.</summary>
    void Row(long row);
}

/// <summary>Runs rows in blocks of a size that is worth handing to a thread.</summary>
internal static class RowBlocks
{
    private const long BlockElements = 16 * 1024; // some 5 to 20 µs of work; a hand-over costs about 1

    /// <summary>Runs all rows; <paramref name="rowElements"/> says how much work one is.</summary>
    public static void For<T>(long rows, long rowElements, T body)
        where T : unmanaged, IRowWork
    {
        long perBlock = Math.Max(1, BlockElements / Math.Max(1, rowElements));
        var blocks = new Blocks<T> { Rows = rows, PerBlock = perBlock, Body = body };
        WorkerPool.For(checked((int)((rows + perBlock - 1) / perBlock)), ref blocks);
    }

    private struct Blocks<T> : IChunkBody
        where T : unmanaged, IRowWork
    {
        public long Rows, PerBlock;
        public T Body;

        public readonly void Run(int chunk)
        {
            long end = Math.Min(Rows, (chunk + 1) * PerBlock);
            for (long row = chunk * PerBlock; row < end; row++)
                Body.Row(row);
        }
    }
}

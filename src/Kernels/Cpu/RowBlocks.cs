namespace Graft.Kernels.Cpu;

/// <summary>Work that is said row by row: a row of a matrix or of an image.</summary>
internal interface IRowWork
{
    /// <summary>Does one row.</summary>
    void Row(long row);
}

/// <summary><see cref="ParallelRows"/> for bodies that do one row at a time.</summary>
internal static class RowBlocks
{
    /// <summary>Runs all rows; <paramref name="rowElements"/> says how much work one is.</summary>
    public static void For<T>(long rows, long rowElements, T body)
        where T : unmanaged, IRowWork =>
        ParallelRows.Run(checked((int)rows), ParallelRows.RowsPerChunk(rowElements), new Each<T> { Body = body });

    private struct Each<T> : IRowBody
        where T : unmanaged, IRowWork
    {
        public T Body;

        public readonly void Run(int first, int end)
        {
            for (int row = first; row < end; row++)
                Body.Row(row);
        }
    }
}

using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cpu;

/// <summary>Two numbers of each element of a [Rows,C] array, to be summed a column.</summary>
internal interface IChannelTerm
{
    /// <summary>Adds the terms of neighbouring columns from <paramref name="c"/> on; the element is <paramref name="at"/> floats into the array.</summary>
    void Add<V>(nint at, int c, ref V first, ref V second) where V : unmanaged, ILanes<V>;

    /// <summary>The same for one column: the tail.</summary>
    void AddOne(nint at, int c, ref float first, ref float second);
}

/// <summary>Two sums a column of a [Rows,C] array in one pass over it: the statistics of a channel, or the gradients of its scale and shift.</summary>
/// <remarks>
/// Rows are cut into slices by the sizes alone; a slice is summed in float, four rows at a time, the slices in double in rising order, so that
/// the result does not depend on the number of threads.
/// </remarks>
internal static unsafe class ChannelSums
{
    private const int FewestRows = 64, MostSlices = 64, RowsAtOnce = 4;

    /// <summary>sums[c] and sums[C + c] = the sums over all rows.</summary>
    public static void Run<T>(long rows, int c, T term, double* sums)
        where T : unmanaged, IChannelTerm => LaneWidth.Run(LaneWidth.Current, new Work<T> { Rows = rows, C = c, Term = term, Sums = sums });

    private struct Work<T> : ILaneWork
        where T : unmanaged, IChannelTerm
    {
        public long Rows;
        public int C;
        public T Term;
        public double* Sums;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            long perSlice = Math.Max(FewestRows, ((Rows + MostSlices - 1) / MostSlices + RowsAtOnce - 1) / RowsAtOnce * RowsAtOnce);
            int slices = (int)((Rows + perSlice - 1) / perSlice);
            float* partial = Scratch.Rent(ScratchSlot.Partial, Math.Max(1, 2L * slices * C));
            var body = new Slice<T, V> { Rows = Rows, PerSlice = perSlice, C = C, Term = Term, Partial = partial };
            WorkerPool.For(slices, ref body);
            new Span<double>(Sums, 2 * C).Clear();
            for (int slice = 0; slice < slices; slice++)
            {
                for (int j = 0; j < 2 * C; j++)
                    Sums[j] += partial[2L * slice * C + j];
            }
        }
    }

    private struct Slice<T, V> : IChunkBody
        where T : unmanaged, IChannelTerm
        where V : unmanaged, ILanes<V>
    {
        public long Rows, PerSlice;
        public int C;
        public T Term;
        public float* Partial;

        public readonly void Run(int slice)
        {
            float* first = Partial + 2L * slice * C, second = first + C;
            new Span<float>(first, 2 * C).Clear();
            long row = slice * PerSlice, end = Math.Min(Rows, row + PerSlice);
            for (; row + RowsAtOnce <= end; row += RowsAtOnce)
                Four((nint)row * C, first, second);
            for (; row < end; row++)
                One((nint)row * C, first, second);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Four(nint at, float* first, float* second)
        {
            T term = Term;
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
            {
                V a = V.Load(first + c), b = V.Load(second + c);
                term.Add(at + c, c, ref a, ref b);
                term.Add(at + C + c, c, ref a, ref b);
                term.Add(at + 2 * (nint)C + c, c, ref a, ref b);
                term.Add(at + 3 * (nint)C + c, c, ref a, ref b);
                a.Store(first + c);
                b.Store(second + c);
            }
            for (; c < C; c++)
            {
                for (int i = 0; i < RowsAtOnce; i++)
                    term.AddOne(at + (nint)i * C + c, c, ref first[c], ref second[c]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void One(nint at, float* first, float* second)
        {
            T term = Term;
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
            {
                V a = V.Load(first + c), b = V.Load(second + c);
                term.Add(at + c, c, ref a, ref b);
                a.Store(first + c);
                b.Store(second + c);
            }
            for (; c < C; c++)
                term.AddOne(at + c, c, ref first[c], ref second[c]);
        }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cpu;

/// <summary>Sums over the rows of a [Rows,C] array, one a column: gradients of biases, statistics of channels.</summary>
/// <remarks>
/// Rows are cut into slices by the sizes alone; a slice is summed in float, eight rows at a time, the slices in double in
/// rising order, so that the result does not depend on the number of threads.
/// </remarks>
internal static unsafe class ColumnSums
{
    private const int FewestRows = 64;
    private const int RowsAtOnce = 8;
    private const int MaxSlices = 64;

    /// <summary>What is summed, at row and column: lanes hold neighbouring columns.</summary>
    public interface ITerm
    {
        /// <summary>Columns c .. c + lanes - 1 of a row.</summary>
        Vector<float> Lanes(long row, int c);

        /// <summary>One column: the tail.</summary>
        float One(long row, int c);
    }

    /// <summary>destination[c] = beta destination[c] + the sum over rows of the term at c.</summary>
    public static void Run<T>(long rows, int c, T term, float* destination, float beta)
        where T : unmanaged, ITerm
    {
        long perSlice = Math.Max(FewestRows, (rows + MaxSlices - 1) / MaxSlices);
        int slices = (int)((rows + perSlice - 1) / perSlice);
        float* partial = Scratch.Rent(ScratchSlot.Partial, Math.Max(1, (long)slices * c));
        var body = new Slices<T> { Rows = rows, PerSlice = perSlice, C = c, Term = term, Partial = partial };
        WorkerPool.For(slices, ref body);
        for (int j = 0; j < c; j++)
        {
            double sum = 0;
            for (int s = 0; s < slices; s++)
                sum += partial[(long)s * c + j];
            BetaStore.Store(ref destination[j], sum, beta);
        }
    }

    /// <summary>The numbers themselves.</summary>
    public struct Plain : ITerm
    {
        public float* X;
        public int C;

        public readonly Vector<float> Lanes(long row, int c) => Vector.Load(X + row * C + c);

        public readonly float One(long row, int c) => X[row * C + c];
    }

    private struct Slices<T> : IChunkBody
        where T : unmanaged, ITerm
    {
        public long Rows, PerSlice;
        public int C;
        public T Term;
        public float* Partial;

        public readonly void Run(int chunk)
        {
            float* to = Partial + (long)chunk * C;
            new Span<float>(to, C).Clear();
            Block(chunk * PerSlice, Math.Min(Rows, (chunk + 1) * PerSlice), to);
        }

        /// <summary>Row by row, as memory likes it; some rows at a time, so that the sums are loaded and stored less often.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Block(long from, long end, float* to)
        {
            T term = Term;
            for (long row = from; row < end; row += RowsAtOnce)
            {
                long stop = Math.Min(end, row + RowsAtOnce);
                int c = 0;
                for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                {
                    Vector<float> sum = term.Lanes(row, c);
                    for (long next = row + 1; next < stop; next++)
                        sum += term.Lanes(next, c);
                    (Vector.Load(to + c) + sum).Store(to + c);
                }
                for (; c < C; c++)
                {
                    float sum = 0;
                    for (long next = row; next < stop; next++)
                        sum += term.One(next, c);
                    to[c] += sum;
                }
            }
        }
    }
}

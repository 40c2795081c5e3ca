using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>y = f(a, b, c) + beta y under broadcasting: rows along the last axis, in which each input moves on or repeats one number.</summary>
internal readonly unsafe struct BinaryRows(in BinaryGeometry g, float* a, Axes stridesA, float* b, Axes stridesB, float* c, Axes stridesC, float* y, float beta)
{
    private const int Block = Elementwise.Chunk; // longer rows are cut, so that one row still fills all threads

    private readonly Axes _extents = g.Extents, _stridesA = stridesA, _stridesB = stridesB, _stridesC = stridesC;
    private readonly float* _a = a, _b = b, _c = c, _y = y;
    private readonly float _beta = beta;

    public void Run<T>(T formula)
        where T : unmanaged, ITernaryFormula => LaneWidth.Run(LaneWidth.Current, new Work<T> { Rows = this, Formula = formula });

    private struct Work<T> : ILaneWork
        where T : unmanaged, ITernaryFormula
    {
        public BinaryRows Rows;
        public T Formula;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            Axes extents = Rows._extents;
            long count = extents.Product;
            if (count == 0)
                return;
            long length = extents.Rank == 0 ? 1 : extents[extents.Rank - 1], blocks = (length + Block - 1) / Block;
            var body = new Body<T, V> { Rows = Rows, Formula = Formula, Length = length, Blocks = blocks };
            ParallelRows.Run(checked((int)(count / length * blocks)), ParallelRows.RowsPerChunk(length), body);
        }
    }

    private struct Body<T, V> : IRowBody
        where T : unmanaged, ITernaryFormula
        where V : unmanaged, ILanes<V>
    {
        public BinaryRows Rows;
        public T Formula;
        public long Length, Blocks;

        public void Run(int first, int end)
        {
            for (int item = first; item < end; item++)
            {
                long start = item % Blocks * Block, index = item / Blocks * Length + start;
                ref readonly Axes extents = ref Rows._extents;
                Row(
                    (int)Math.Min(Block, Length - start), Rows._a + extents.Offset(index, Rows._stridesA), Moves(Rows._stridesA),
                    Rows._b + extents.Offset(index, Rows._stridesB), Moves(Rows._stridesB),
                    Rows._c + extents.Offset(index, Rows._stridesC), Moves(Rows._stridesC), Rows._y + index);
            }
        }

        private static bool Moves(in Axes strides) => strides.Rank > 0 && strides[strides.Rank - 1] != 0;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Row(int count, float* a, bool movesA, float* b, bool movesB, float* c, bool movesC, float* y)
        {
            T formula = Formula;
            V beta = V.Create(Rows._beta);
            bool adds = Rows._beta != 0;
            V va = V.Create(*a), vb = V.Create(*b), vc = V.Create(*c);
            int i = 0;
            for (; i <= count - V.Count; i += V.Count)
            {
                V r = formula.Apply(movesA ? V.Load(a + i) : va, movesB ? V.Load(b + i) : vb, movesC ? V.Load(c + i) : vc);
                (adds ? V.MultiplyAdd(beta, V.Load(y + i), r) : r).Store(y + i);
            }
            if (i == count)
                return;
            int rest = count - i;
            V tail = formula.Apply(
                movesA ? Elementwise.LoadTail<V>(a + i, rest) : va, movesB ? Elementwise.LoadTail<V>(b + i, rest) : vb, movesC ? Elementwise.LoadTail<V>(c + i, rest) : vc);
            Elementwise.StoreTail(adds ? V.MultiplyAdd(beta, Elementwise.LoadTail<V>(y + i, rest), tail) : tail, y + i, rest);
        }
    }
}

using System.Runtime.Intrinsics;
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
        where T : unmanaged, ITernaryFormula
    {
        long count = _extents.Product;
        if (count == 0)
            return;
        long length = _extents.Rank == 0 ? 1 : _extents[_extents.Rank - 1], blocks = (length + Block - 1) / Block;
        var body = new Body<T> { Rows = this, Formula = formula, Length = length, Blocks = blocks };
        ParallelRows.Run(checked((int)(count / length * blocks)), ParallelRows.RowsPerChunk(length), body);
    }

    private struct Body<T> : IRowBody
        where T : unmanaged, ITernaryFormula
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

        private readonly void Row(int count, float* a, bool movesA, float* b, bool movesB, float* c, bool movesC, float* y)
        {
            const int Lanes = 16;
            T formula = Formula;
            var beta = Vector512.Create(Rows._beta);
            bool adds = Rows._beta != 0;
            Vector512<float> va = Vector512.Create(*a), vb = Vector512.Create(*b), vc = Vector512.Create(*c);
            int i = 0;
            for (; i <= count - Lanes; i += Lanes)
            {
                Vector512<float> r = formula.Apply(
                    movesA ? Vector512.Load(a + i) : va, movesB ? Vector512.Load(b + i) : vb, movesC ? Vector512.Load(c + i) : vc);
                (adds ? Vector512.MultiplyAddEstimate(beta, Vector512.Load(y + i), r) : r).Store(y + i);
            }
            if (i == count)
                return;
            int rest = count - i;
            Vector512<float> tail = formula.Apply(
                movesA ? Elementwise.LoadTail(a + i, rest) : va, movesB ? Elementwise.LoadTail(b + i, rest) : vb, movesC ? Elementwise.LoadTail(c + i, rest) : vc);
            if (adds)
                tail = Vector512.MultiplyAddEstimate(beta, Elementwise.LoadTail(y + i, rest), tail);
            for (int lane = 0; lane < rest; lane++)
                y[i + lane] = tail[lane];
        }
    }
}

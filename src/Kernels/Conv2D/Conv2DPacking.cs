using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Brings the weights [O,taps,C] of a convolution into the order of the frozen kernels at every step of training, on vectors and all threads. Turned,
/// they are those of the gradient of its input: the convolution of dy [..,O] to dx [..,C] whose taps run backwards.
/// </summary>
internal readonly unsafe struct Conv2DPacking
{
    private const int TurnedAtOnce = 16, RowsPerChunk = 64;

    private readonly float* _w;
    private readonly int _taps, _c, _o;
    private readonly bool _isTurned;

    public Conv2DPacking(float* w, int taps, int c, int o, bool isTurned)
    {
        _w = w;
        (_taps, _c, _o, _isTurned) = (taps, c, o, isTurned);
    }

    /// <summary>Input channels of the packed convolution.</summary>
    private int Depth => _isTurned ? _o : _c;

    /// <summary>Its output channels.</summary>
    private int Width => _isTurned ? _c : _o;

    /// <summary>Panels [taps Depth][tile columns], as <see cref="FusedConv2DProduct"/> reads them. Turned weights have one tap.</summary>
    public void PackPanels(GemmTile tile, float* packed)
    {
        var body = new Panels { Of = this, Columns = tile.Columns, Packed = packed };
        WorkerPool.For(tile.PaddedN(Width) / tile.Columns, ref body);
    }

    /// <summary>[n n][panel][Depth][tile columns], as <see cref="FusedConv2DWinograd"/> reads them, for outputs of m x m and a 3x3 filter.</summary>
    public void PackWinograd(GemmTile tile, int m, float* packed)
    {
        float* w = _w;
        if (!_isTurned) // lanes hold neighbouring output channels
        {
            w = Scratch.Rent(ScratchSlot.Turned, (long)_taps * _c * _o);
            var turn = new Turn { Of = this, To = w };
            WorkerPool.For((_taps * _c + TurnedAtOnce - 1) / TurnedAtOnce, ref turn);
        }
        LaneWidth.Run(tile.Columns * 16, new Filters // two vectors are a panel's row
        {
            M = m, Depth = Depth, Width = Width, Columns = tile.Columns, Padded = tile.PaddedN(Width), W = w, Packed = packed,
            FirstTap = _isTurned ? (nint)8 * _c : 0, Tap = _isTurned ? -_c : (nint)_c * _o, Row = _isTurned ? (nint)9 * _c : _o,
        });
    }

    private struct Panels : IChunkBody
    {
        public Conv2DPacking Of;
        public int Columns;
        public float* Packed;

        public readonly void Run(int panel)
        {
            int first = panel * Columns, width = Math.Min(Columns, Of.Width - first), depth = Of._taps * Of.Depth;
            float* to = Packed + (long)first * depth;
            if (Of._isTurned)
                GemmPacking.Copy(Of._w + first, Of._c, depth, width, to, Columns);
            else
                GemmPacking.Transpose(Of._w + (long)first * depth, depth, width, depth, to, Columns);
            if (width < Columns)
                GemmPacking.ClearColumns(to, Columns, depth, width);
        }
    }

    /// <summary>[O,taps C] to [taps C,O].</summary>
    private struct Turn : IChunkBody
    {
        public Conv2DPacking Of;
        public float* To;

        public readonly void Run(int chunk)
        {
            int rows = Of._taps * Of._c, first = chunk * TurnedAtOnce;
            GemmPacking.Transpose(Of._w + first, rows, Of._o, Math.Min(TurnedAtOnce, rows - first), To + (long)first * Of._o, Of._o);
        }
    }

    /// <summary>u = G g G' for every input and output channel; lanes hold output channels.</summary>
    private struct Filters : ILaneWork
    {
        public int M, Depth, Width, Columns, Padded;
        public nint FirstTap, Tap, Row;
        public float* W, Packed;

        public readonly int Blocks => (Depth + RowsPerChunk - 1) / RowsPerChunk;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            float* matrix = stackalloc float[18]; // G [n,3]
            double[,] g = WinogradMatrices.Filter(M);
            for (int i = 0; i < (M + 2) * 3; i++)
                matrix[i] = (float)g[i / 3, i % 3];
            var body = new FilterBlock<V> { Of = this, Matrix = matrix };
            WorkerPool.For(Padded / Columns * Blocks, ref body);
        }
    }

    /// <summary>One panel of output channels, some input channels.</summary>
    private struct FilterBlock<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public Filters Of;
        public float* Matrix;

        public readonly void Run(int chunk)
        {
            int first = chunk / Of.Blocks * Of.Columns, from = chunk % Of.Blocks * RowsPerChunk, end = Math.Min(Of.Depth, from + RowsPerChunk);
            for (int k = from; k < end; k++)
            {
                float* to = Of.Packed + (long)first * Of.Depth + (long)k * Of.Columns;
                for (int j = 0; j < Of.Columns; j += V.Count)
                {
                    if (first + j < Of.Width) // channels come in whole vectors
                        Transform(Of.W + k * Of.Row + first + j + Of.FirstTap, to + j);
                    else
                        Clear(to + j);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Transform(float* w, float* to)
        {
            int n = Of.M + 2;
            nint tap = Of.Tap, position = (nint)Of.Depth * Of.Padded;
            V g00 = V.Load(w), g01 = V.Load(w + tap), g02 = V.Load(w + 2 * tap), g10 = V.Load(w + 3 * tap), g11 = V.Load(w + 4 * tap);
            V g12 = V.Load(w + 5 * tap), g20 = V.Load(w + 6 * tap), g21 = V.Load(w + 7 * tap), g22 = V.Load(w + 8 * tap);
            for (int i = 0; i < n; i++)
            {
                V a = V.Create(Matrix[3 * i]), b = V.Create(Matrix[3 * i + 1]), c = V.Create(Matrix[3 * i + 2]);
                V r0 = V.MultiplyAdd(c, g20, V.MultiplyAdd(b, g10, a * g00));
                V r1 = V.MultiplyAdd(c, g21, V.MultiplyAdd(b, g11, a * g01));
                V r2 = V.MultiplyAdd(c, g22, V.MultiplyAdd(b, g12, a * g02));
                for (float* row = Matrix; row < Matrix + 3 * n; row += 3, to += position)
                    V.MultiplyAdd(V.Create(row[2]), r2, V.MultiplyAdd(V.Create(row[1]), r1, V.Create(row[0]) * r0)).Store(to);
            }
        }

        private readonly void Clear(float* to)
        {
            int n = Of.M + 2;
            for (int i = 0; i < n * n; i++, to += (nint)Of.Depth * Of.Padded)
                V.Zero.Store(to);
        }
    }
}

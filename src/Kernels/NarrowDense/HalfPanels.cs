using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Panels of bfloat16 weights. A few rows read them one after the other, the first in one stream from memory; for more rows a panel is widened
/// to floats in the cache and met by register tiles. The two ways add in different orders.
/// </summary>
internal unsafe struct HalfPanels : IRowBody
{
    private const int Columns = CpuNarrowDenseKernels.Columns;

    /// <summary>Weights ahead of those in use that are asked for, in ushorts: 8 KiB.</summary>
    private const int Ahead = 4096;

    /// <summary>For fewer rows, widening the panel costs more than meeting it once a row, or once four rows.</summary>
    private static int FewestTiledRows => Vector512.IsHardwareAccelerated ? 64 : 8;

    private const int Together = 4; // rows that meet a widened number at once, where there are the registers

    public NarrowDenseGeometry G;
    public float* X;
    public ushort* Packed;
    public NarrowOutput Output;

    public readonly void Run(int first, int end)
    {
        float* sums = stackalloc float[Together * Columns];
        for (int panel = first; panel < end; panel++)
        {
            ushort* weights = Packed + (long)panel * ((G.K + 1) / 2 * 2) * Columns;
            if (G.M >= FewestTiledRows)
            {
                Tiles(weights, panel);
                continue;
            }
            for (int row = 0, rows; row < G.M; row += rows)
            {
                rows = Vector512.IsHardwareAccelerated ? Math.Min(Together, G.M - row) : 1;
                if (rows == 1)
                    Row(X + (long)row * G.K, weights, sums);
                else
                    FourRows(X + (long)row * G.K, rows, weights, sums);
                for (int r = 0; r < rows; r++)
                    Output.Store(sums + r * Columns, row + r, panel);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Row(float* x, ushort* w, float* sums)
    {
        Vector512<float> evenLeft = Vector512<float>.Zero, evenRight = evenLeft, oddLeft = evenLeft, oddRight = evenLeft; // sums that do not wait for each other
        Vector512<uint> upper = Vector512.Create(0xFFFF0000u);
        int pairs = G.K / 2;
        for (int pair = 0; pair < pairs; pair++, w += 2 * Columns, x += 2)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(w + Ahead);
                Sse.Prefetch0(w + Ahead + Columns);
            }
            Vector512<uint> a = Vector512.Load((uint*)w), b = Vector512.Load((uint*)w + 16);
            Vector512<float> even = Vector512.Create(x[0]), odd = Vector512.Create(x[1]);
            evenLeft = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(a, 16).AsSingle(), even, evenLeft);
            evenRight = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(b, 16).AsSingle(), even, evenRight);
            oddLeft = Vector512.MultiplyAddEstimate((a & upper).AsSingle(), odd, oddLeft);
            oddRight = Vector512.MultiplyAddEstimate((b & upper).AsSingle(), odd, oddRight);
        }
        if (G.K % 2 == 1)
        {
            Vector512<float> last = Vector512.Create(x[0]);
            evenLeft = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(Vector512.Load((uint*)w), 16).AsSingle(), last, evenLeft);
            evenRight = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(Vector512.Load((uint*)w + 16), 16).AsSingle(), last, evenRight);
        }
        (evenLeft + oddLeft).Store(sums);
        (evenRight + oddRight).Store(sums + 16);
    }

    /// <summary>As <see cref="Row"/>, for two to four rows of x: the same sums in the same order. The last row stands in for those that are not there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void FourRows(float* x, int rows, ushort* w, float* sums)
    {
        Vector512<float> evenLeft0 = Vector512<float>.Zero, evenRight0 = evenLeft0, oddLeft0 = evenLeft0, oddRight0 = evenLeft0, evenLeft1 = evenLeft0, evenRight1 = evenLeft0, oddLeft1 = evenLeft0, oddRight1 = evenLeft0;
        Vector512<float> evenLeft2 = evenLeft0, evenRight2 = evenLeft0, oddLeft2 = evenLeft0, oddRight2 = evenLeft0, evenLeft3 = evenLeft0, evenRight3 = evenLeft0, oddLeft3 = evenLeft0, oddRight3 = evenLeft0;
        Vector512<uint> upper = Vector512.Create(0xFFFF0000u);
        float* x1 = x + G.K, x2 = x + (long)Math.Min(2, rows - 1) * G.K, x3 = x + (long)(rows - 1) * G.K;
        int k = 0;
        for (; k + 2 <= G.K; k += 2, w += 2 * Columns)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(w + Ahead);
                Sse.Prefetch0(w + Ahead + Columns);
            }
            Vector512<uint> a = Vector512.Load((uint*)w), b = Vector512.Load((uint*)w + 16);
            Vector512<float> left = Vector512.ShiftLeft(a, 16).AsSingle(), right = Vector512.ShiftLeft(b, 16).AsSingle();
            Add(x[k], left, right, ref evenLeft0, ref evenRight0);
            Add(x1[k], left, right, ref evenLeft1, ref evenRight1);
            Add(x2[k], left, right, ref evenLeft2, ref evenRight2);
            Add(x3[k], left, right, ref evenLeft3, ref evenRight3);
            (left, right) = ((a & upper).AsSingle(), (b & upper).AsSingle());
            Add(x[k + 1], left, right, ref oddLeft0, ref oddRight0);
            Add(x1[k + 1], left, right, ref oddLeft1, ref oddRight1);
            Add(x2[k + 1], left, right, ref oddLeft2, ref oddRight2);
            Add(x3[k + 1], left, right, ref oddLeft3, ref oddRight3);
        }
        if (k < G.K)
        {
            Vector512<float> left = Vector512.ShiftLeft(Vector512.Load((uint*)w), 16).AsSingle(), right = Vector512.ShiftLeft(Vector512.Load((uint*)w + 16), 16).AsSingle();
            Add(x[k], left, right, ref evenLeft0, ref evenRight0);
            Add(x1[k], left, right, ref evenLeft1, ref evenRight1);
            Add(x2[k], left, right, ref evenLeft2, ref evenRight2);
            Add(x3[k], left, right, ref evenLeft3, ref evenRight3);
        }
        Store(sums, evenLeft0 + oddLeft0, evenRight0 + oddRight0);
        Store(sums + Columns, evenLeft1 + oddLeft1, evenRight1 + oddRight1);
        Store(sums + 2 * Columns, evenLeft2 + oddLeft2, evenRight2 + oddRight2);
        Store(sums + 3 * Columns, evenLeft3 + oddLeft3, evenRight3 + oddRight3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float x, Vector512<float> left, Vector512<float> right, ref Vector512<float> sumLeft, ref Vector512<float> sumRight)
    {
        Vector512<float> a = Vector512.Create(x);
        sumLeft = Vector512.MultiplyAddEstimate(left, a, sumLeft);
        sumRight = Vector512.MultiplyAddEstimate(right, a, sumRight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector512<float> left, Vector512<float> right)
    {
        left.Store(to);
        right.Store(to + 16);
    }

    private readonly void Tiles(ushort* w, int panel)
    {
        GemmTile tile = GemmTile.Current;
        float* wide = Scratch.Rent(ScratchSlot.PackedB, (long)G.K * Columns), sums = Scratch.Rent(ScratchSlot.Rows, (long)G.M * Columns);
        Widen(w, wide, tile.Columns);
        for (int j = 0; j < Columns; j += tile.Columns)
            tile.Run(G.M, G.K, X, G.K, wide + (long)j * G.K, tile.Columns, sums + j, Columns, null, 0);
        for (int row = 0; row < G.M; row++)
            Output.Store(sums + (long)row * Columns, row, panel);
    }

    /// <summary>[K / 2][columns][2] to panels [K][width].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Widen(ushort* w, float* wide, int width)
    {
        Vector512<uint> upper = Vector512.Create(0xFFFF0000u);
        for (int k = 0; k < G.K; k += 2)
        {
            for (int column = 0; column < Columns; column += 16, w += 32)
            {
                Vector512<uint> pairs = Vector512.Load((uint*)w);
                Place(Vector512.ShiftLeft(pairs, 16).AsSingle(), wide, width, column, k);
                if (k + 1 < G.K)
                    Place((pairs & upper).AsSingle(), wide, width, column, k + 1);
            }
        }
    }

    /// <summary>Stores 16 columns of row k where panels of a width have them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Place(Vector512<float> values, float* wide, int width, int column, int k)
    {
        if (width >= 16)
        {
            values.Store(wide + (long)(column / width) * width * G.K + (long)k * width + column % width);
            return;
        }
        values.GetLower().Store(wide + (long)column * G.K + (long)k * width); // 8 columns a panel
        values.GetUpper().Store(wide + (long)(column + width) * G.K + (long)k * width);
    }
}

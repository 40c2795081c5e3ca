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

    /// <summary>For fewer rows, widening the panel costs more than meeting it once a row.</summary>
    private const int FewestTiledRows = 8;

    public NarrowDenseGeometry G;
    public float* X;
    public ushort* Packed;
    public NarrowOutput Output;

    public readonly void Run(int first, int end)
    {
        float* sums = stackalloc float[Columns];
        for (int panel = first; panel < end; panel++)
        {
            ushort* weights = Packed + (long)panel * ((G.K + 1) / 2 * 2) * Columns;
            if (G.M >= FewestTiledRows)
            {
                Tiles(weights, panel);
                continue;
            }
            for (int row = 0; row < G.M; row++)
            {
                Row(X + (long)row * G.K, weights, sums);
                Output.Store(sums, row, panel);
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

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Panels of bfloat16 weights. One row reads them in one stream; for more rows a panel is widened to floats in the cache and met by register tiles. A sum
/// has one order either way.
/// </summary>
internal unsafe struct HalfPanels : IChunkBody
{
    private const int Columns = CpuNarrowDenseKernels.Columns;

    /// <summary>Weights ahead of those in use that are asked for, in ushorts: 8 KiB.</summary>
    private const int Ahead = 4096;

    public NarrowDenseGeometry G;
    public float* X;
    public ushort* Packed;
    public NarrowOutput Output;
    private int _perChunk, _panels;

    /// <summary>All panels.</summary>
    public void RunAll(int panels)
    {
        (_panels, _perChunk) = (panels, NarrowOutput.PanelsPerChunk(panels));
        WorkerPool.For((panels + _perChunk - 1) / _perChunk, ref this);
    }

    public readonly void Run(int chunk)
    {
        float* sums = stackalloc float[Columns];
        for (int panel = chunk * _perChunk; panel < Math.Min(_panels, (chunk + 1) * _perChunk); panel++)
        {
            ushort* weights = Packed + (long)panel * ((G.K + 1) / 2 * 2) * Columns;
            if (G.M > 1)
            {
                Tiles(weights, panel);
                continue;
            }
            Row(weights, sums);
            Output.Store(sums, 0, panel);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Row(ushort* w, float* sums)
    {
        Vector512<float> left = Vector512<float>.Zero, right = left;
        Vector512<uint> upper = Vector512.Create(0xFFFF0000u);
        for (int k = 0; k < G.K; k += 2, w += 2 * Columns)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(w + Ahead);
                Sse.Prefetch0(w + Ahead + Columns);
            }
            Vector512<uint> a = Vector512.Load((uint*)w), b = Vector512.Load((uint*)w + 16);
            Vector512<float> x0 = Vector512.Create(X[k]), x1 = Vector512.Create(k + 1 < G.K ? X[k + 1] : 0);
            left = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(a, 16).AsSingle(), x0, left);
            right = Vector512.MultiplyAddEstimate(Vector512.ShiftLeft(b, 16).AsSingle(), x0, right);
            left = Vector512.MultiplyAddEstimate((a & upper).AsSingle(), x1, left);
            right = Vector512.MultiplyAddEstimate((b & upper).AsSingle(), x1, right);
        }
        left.Store(sums);
        right.Store(sums + 16);
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
    private readonly void Widen(ushort* w, float* wide, int width)
    {
        for (int k = 0; k < G.K; k++)
        {
            for (int j = 0; j < Columns; j++)
                wide[(long)(j / width) * width * G.K + (long)k * width + j % width] = Rounding.FromBFloat16(w[(k / 2 * Columns + j) * 2 + k % 2]);
        }
    }
}

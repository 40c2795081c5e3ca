using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>The innermost step of a matrix product: a tile of C that stays in registers while k runs.</summary>
internal abstract unsafe class GemmTile
{
    /// <summary>The widest tile that this machine's vectors serve; tests set others.</summary>
    public static GemmTile Current { get; set; } = Vector512.IsHardwareAccelerated ? new Tile512() : new Tile256();

    /// <summary>Rows of the tile.</summary>
    public abstract int M { get; }

    /// <summary>Columns of the tile.</summary>
    public abstract int N { get; }

    /// <summary>A number of columns rounded up to whole tiles.</summary>
    public int PaddedN(int n) => (n + N - 1) / N * N;

    /// <summary>C [M,N] += A·B with A packed [k][M] and B packed [k][N].</summary>
    public abstract void Accumulate(int k, float* a, float* b, float* c, int ldc);
}

/// <summary>8 x 32: 16 accumulators, 2 vectors of B and a broadcast in 32 registers of 512 bits.</summary>
/// <remarks>16 accumulators cover 2 FMA units of 4 cycles latency twice; 10 loads feed 16 FMAs.</remarks>
internal sealed unsafe class Tile512 : GemmTile
{
    public override int M => 8;

    public override int N => 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Accumulate(int k, float* a, float* b, float* c, int ldc)
    {
        float* c4 = c + 4L * ldc;
        long l = ldc;
        Vector512<float> c00 = Vector512.Load(c), c01 = Vector512.Load(c + 16);
        Vector512<float> c10 = Vector512.Load(c + l), c11 = Vector512.Load(c + l + 16);
        Vector512<float> c20 = Vector512.Load(c + 2 * l), c21 = Vector512.Load(c + 2 * l + 16);
        Vector512<float> c30 = Vector512.Load(c + 3 * l), c31 = Vector512.Load(c + 3 * l + 16);
        Vector512<float> c40 = Vector512.Load(c4), c41 = Vector512.Load(c4 + 16);
        Vector512<float> c50 = Vector512.Load(c4 + l), c51 = Vector512.Load(c4 + l + 16);
        Vector512<float> c60 = Vector512.Load(c4 + 2 * l), c61 = Vector512.Load(c4 + 2 * l + 16);
        Vector512<float> c70 = Vector512.Load(c4 + 3 * l), c71 = Vector512.Load(c4 + 3 * l + 16);
        for (int p = 0; p < k; p++, a += 8, b += 32)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            x = Vector512.Create(a[0]);
            c00 = Vector512.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector512.MultiplyAddEstimate(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector512.MultiplyAddEstimate(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector512.MultiplyAddEstimate(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector512.MultiplyAddEstimate(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.MultiplyAddEstimate(x, b0, c40);
            c41 = Vector512.MultiplyAddEstimate(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.MultiplyAddEstimate(x, b0, c50);
            c51 = Vector512.MultiplyAddEstimate(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Vector512.MultiplyAddEstimate(x, b0, c60);
            c61 = Vector512.MultiplyAddEstimate(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Vector512.MultiplyAddEstimate(x, b0, c70);
            c71 = Vector512.MultiplyAddEstimate(x, b1, c71);
        }
        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + l);
        c11.Store(c + l + 16);
        c20.Store(c + 2 * l);
        c21.Store(c + 2 * l + 16);
        c30.Store(c + 3 * l);
        c31.Store(c + 3 * l + 16);
        c40.Store(c4);
        c41.Store(c4 + 16);
        c50.Store(c4 + l);
        c51.Store(c4 + l + 16);
        c60.Store(c4 + 2 * l);
        c61.Store(c4 + 2 * l + 16);
        c70.Store(c4 + 3 * l);
        c71.Store(c4 + 3 * l + 16);
    }
}

/// <summary>4 x 16: 8 accumulators in 16 registers of 256 bits. Where there are none, the runtime splits them.</summary>
internal sealed unsafe class Tile256 : GemmTile
{
    public override int M => 4;

    public override int N => 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Accumulate(int k, float* a, float* b, float* c, int ldc)
    {
        long l = ldc;
        Vector256<float> c00 = Vector256.Load(c), c01 = Vector256.Load(c + 8);
        Vector256<float> c10 = Vector256.Load(c + l), c11 = Vector256.Load(c + l + 8);
        Vector256<float> c20 = Vector256.Load(c + 2 * l), c21 = Vector256.Load(c + 2 * l + 8);
        Vector256<float> c30 = Vector256.Load(c + 3 * l), c31 = Vector256.Load(c + 3 * l + 8);
        for (int p = 0; p < k; p++, a += 4, b += 16)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(a[0]);
            c00 = Vector256.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector256.MultiplyAddEstimate(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector256.MultiplyAddEstimate(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Vector256.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector256.MultiplyAddEstimate(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Vector256.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector256.MultiplyAddEstimate(x, b1, c31);
        }
        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c + l);
        c11.Store(c + l + 8);
        c20.Store(c + 2 * l);
        c21.Store(c + 2 * l + 8);
        c30.Store(c + 3 * l);
        c31.Store(c + 3 * l + 8);
    }
}

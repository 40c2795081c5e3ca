using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The multiply-add peak, which all shares of a peak refer to.</summary>
public sealed class FmaPeakTests
{
    [Fact]
    public void No_other_loop_computes_faster_than_the_chains()
    {
        // An eighth, since other work may hit either. Without an instruction for the chains they ran at a hundredth of a product's speed.
        double product = 0;
        for (int run = 0; run < 5; run++)
            product = Math.Max(product, Product(256));
        double peak = Enumerable.Range(0, 3).Max(_ => FmaPeak.Measure());
        Assert.True(peak > product / 8, $"The peak is {peak / 1e9:g3} GFLOP/s, a product reaches {product / 1e9:g3}.");
    }

    private static unsafe double Product(int size)
    {
        float[] a = new float[size * size], b = new float[size * size], c = new float[size * size];
        fixed (float* pa = a, pb = b, pc = c)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            Gemm.Run(false, false, size, size, size, pa, size, pb, size, pc, size, 0);
            return 2.0 * size * size * size / System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}

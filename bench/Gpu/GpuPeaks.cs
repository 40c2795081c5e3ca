using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

/// <summary>What this GPU reaches: the copy of a large block, and a large product. Shares of the peak refer to these, not to a data sheet.</summary>
internal static class GpuPeaks
{
    /// <summary>Measures both.</summary>
    public static void Run(GpuOptions options, GpuResults results)
    {
        CudaContext context = BenchGpu.Context;
        var clock = new GpuClock(context, options.IsOnce);
        long count = options.IsTiny ? 1 << 14 : 1L << 28; // 1 GiB: many times what a cache holds
        using (var workspace = new Workspace(BenchGpu.Device.Kernels.Memory))
        {
            DevicePtr<float> from = workspace.Scratch(count), to = workspace.Scratch(count);
            MemoryKernels memory = BenchGpu.Device.Kernels.Memory;
            memory.Fill(from, count, 1.5f);
            var row = new GpuRow { Part = "peaks", Name = GpuRow.Copy, Bytes = 2.0 * sizeof(float) * count };
            Measure(row with { Variant = "driver" }, () => memory.Copy(from, to, count));
            Measure(row with { Variant = "own kernel" }, () => memory.Accumulate(from, to, count, 0));
        }
        int n = options.IsTiny ? 64 : 8192;
        using (var workspace = new Workspace(BenchGpu.Device.Kernels.Memory))
        {
            DevicePtr<float> a = workspace.Upload<float>(Numbers.Of("a", (long)n * n)), b = workspace.Upload<float>(Numbers.Of("b", (long)n * n)), c = workspace.Scratch((long)n * n);
            foreach (string precision in options.Precisions)
            {
                var row = new GpuRow { Part = "peaks", Name = GpuRow.Product, Variant = $"cuBLAS {n}", Precision = precision, Flops = 2.0 * n * n * n };
                ComputePrecision factors = GpuPrecisions.Of(precision);
                results.Try(row, () =>
                {
                    CudaMatrices left = new(a, n), right = new(b, n);
                    if (factors.IsNarrow())
                        (left, right) = (Narrow(a), Narrow(b));
                    void Multiply() => context.Blas.Multiply(n, n, n, left, right, new CudaMatrices(c, n), 0, types: factors == ComputePrecision.Float32 ? null : GemmTypes.Of(factors, narrowOutput: true));
                    Multiply();
                    return clock.Measure(row, Multiply);
                });

                // The same numbers in 16 bits.
                CudaMatrices Narrow(DevicePtr<float> x)
                {
                    DevicePtr<float> y = workspace.Scratch((long)n * n / 2);
                    BenchGpu.Device.Kernels.In(factors).Narrow.Round(x, new DevicePtr<ushort>(y.Address), (long)n * n);
                    return new CudaMatrices(y, n);
                }
            }
        }

        void Measure(GpuRow row, Action run) => results.Try(row, () =>
        {
            run();
            return clock.Measure(row, run);
        });
    }
}

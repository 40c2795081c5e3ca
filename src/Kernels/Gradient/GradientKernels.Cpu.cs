using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuGradientKernels : GradientKernels
{
    public override double SumOfSquares(DevicePtr<float> g, long count)
    {
        int chunks = Elementwise.Chunks(count);
        double* sums = (double*)Scratch.Rent(ScratchSlot.Partial, 2L * chunks);
        ParallelRows.Run(chunks, 1, new Squares { X = g.Pointer, Count = count, Sums = sums });
        double total = 0;
        for (int i = 0; i < chunks; i++)
            total += sums[i];
        return total;
    }

    public override void Scale(DevicePtr<float> g, long count, float factor) =>
        Elementwise.Unary(new ScaleFormula(factor, 0), count, g.Pointer, g.Pointer);

    public override void ClipValue(DevicePtr<float> g, long count, float limit) =>
        Elementwise.Unary(new ClipFormula(-limit, limit), count, g.Pointer, g.Pointer);

    public override void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count) =>
        Elementwise.Unary(new ScaleFormula(factor, 0), count, source.Pointer, destination.Pointer, beta: 1);

    private struct Squares : IRowBody
    {
        public float* X;
        public long Count;
        public double* Sums;

        public readonly void Run(int first, int end)
        {
            for (int chunk = first; chunk < end; chunk++)
            {
                long i = (long)chunk * Elementwise.Chunk, stop = Math.Min(Count, i + Elementwise.Chunk);
                Vector512<double> sum = Vector512<double>.Zero;
                for (; i <= stop - 16; i += 16)
                {
                    (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(X + i));
                    sum += low * low + high * high;
                }
                double total = Vector512.Sum(sum);
                for (; i < stop; i++)
                    total += (double)X[i] * X[i];
                Sums[chunk] = total;
            }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuGradientKernels : GradientKernels
{
    public override void SumsOfSquares(ReadOnlySpan<StepTensor> tensors, Span<double> sums)
    {
        int* firsts = stackalloc int[tensors.Length + 1]; // the first chunk of each tensor: sums of chunks do not mix tensors
        firsts[0] = 0;
        for (int t = 0; t < tensors.Length; t++)
            firsts[t + 1] = checked(firsts[t] + Elementwise.Chunks(tensors[t].Count));
        double* parts = (double*)Scratch.Rent(ScratchSlot.Partial, 2L * firsts[tensors.Length]);
        fixed (StepTensor* first = tensors)
        {
            var body = new Squares { Tensors = first, Count = tensors.Length, Firsts = firsts, Sums = parts };
            WorkerPool.For(firsts[tensors.Length], ref body);
        }
        for (int t = 0; t < tensors.Length; t++)
        {
            sums[t] = 0;
            for (int chunk = firsts[t]; chunk < firsts[t + 1]; chunk++)
                sums[t] += parts[chunk];
        }
    }

    public override bool TakesProduct(in DenseGeometry g) => GradientProduct.IsSmaller(g) && ProductSteps.Serve(g);

    public override void PrepareProducts(ReadOnlySpan<StepTensor> tensors)
    {
        foreach (StepTensor tensor in tensors)
        {
            if (tensor.IsProduct)
                ProductSteps.Prepare(tensor.Product.Geometry);
        }
    }

    public override void Scale(DevicePtr<float> g, long count, float factor) =>
        Elementwise.Unary(new ScaleFormula(factor, 0), count, g.Pointer, g.Pointer);

    public override void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count) =>
        Elementwise.Unary(new ScaleFormula(factor, 0), count, source.Pointer, destination.Pointer, beta: 1);

    private struct Squares : IChunkBody
    {
        public StepTensor* Tensors;
        public int Count;
        public int* Firsts;
        public double* Sums;

        public readonly void Run(int chunk)
        {
            int t = new ReadOnlySpan<int>(Firsts, Count + 1).BinarySearch(chunk);
            for (t = t < 0 ? ~t - 1 : t; Firsts[t + 1] == chunk; t++)
            {
                // an empty tensor has no chunk: the one behind it begins at the same number
            }
            long from = (long)(chunk - Firsts[t]) * Elementwise.Chunk;
            Sums[chunk] = Sum(Tensors[t].G.Pointer + from, (int)Math.Min(Tensors[t].Count - from, Elementwise.Chunk));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static double Sum(float* x, int count)
        {
            Vector512<double> sum = Vector512<double>.Zero;
            int i = 0;
            for (; i <= count - 16; i += 16)
            {
                (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(x + i));
                sum += low * low + high * high;
            }
            double total = Vector512.Sum(sum);
            for (; i < count; i++)
                total += (double)x[i] * x[i];
            return total;
        }
    }
}

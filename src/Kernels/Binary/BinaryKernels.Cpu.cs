using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;
using V = System.Runtime.Intrinsics.Vector512<float>;

namespace Graft.Kernels;

/// <summary>
/// Without repetition one flat threaded loop; otherwise row by row along the innermost axis, where an input is contiguous or
/// one number. Repeated gradients are summed in rising order of the output, in double.
/// </summary>
internal sealed unsafe class CpuBinaryKernels : BinaryKernels
{
    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        switch (g.Formula)
        {
            case BinaryFormula.Add: Forward(default(Add), g, a, b, y); break;
            case BinaryFormula.Subtract: Forward(default(Subtract), g, a, b, y); break;
            case BinaryFormula.Multiply: Forward(default(Multiply), g, a, b, y); break;
            case BinaryFormula.Divide: Forward(default(Divide), g, a, b, y); break;
            case BinaryFormula.Maximum: Forward(default(Maximum), g, a, b, y); break;
            case BinaryFormula.Minimum: Forward(default(Minimum), g, a, b, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta) =>
        Backward(g, a, b, dy, da, beta, first: true);

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        Backward(g, a, b, dy, db, beta, first: false);

    private static void Forward<T>(T formula, in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
        where T : unmanaged, IFormula
    {
        if (g.IsFlat)
        {
            Elementwise.Binary(new Value<T>(), g.Count, a.Pointer, b.Pointer, y.Pointer);
            return;
        }
        var rows = new ForwardRows<T> { G = g, A = a.Pointer, B = b.Pointer, Y = y.Pointer };
        WorkerPool.For((int)((g.Count / Math.Max(1, g.D3) + ForwardRows<T>.PerChunk(g) - 1) / ForwardRows<T>.PerChunk(g)), ref rows);
    }

    private static void Backward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> d, float beta, bool first)
    {
        switch (g.Formula)
        {
            case BinaryFormula.Add: Backward(default(Add), g, a, b, dy, d, beta, first); break;
            case BinaryFormula.Subtract: Backward(default(Subtract), g, a, b, dy, d, beta, first); break;
            case BinaryFormula.Multiply: Backward(default(Multiply), g, a, b, dy, d, beta, first); break;
            case BinaryFormula.Divide: Backward(default(Divide), g, a, b, dy, d, beta, first); break;
            case BinaryFormula.Maximum: Backward(default(Maximum), g, a, b, dy, d, beta, first); break;
            case BinaryFormula.Minimum: Backward(default(Minimum), g, a, b, dy, d, beta, first); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    private static void Backward<T>(T formula, in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> d, float beta, bool first)
        where T : unmanaged, IFormula
    {
        if (g.IsFlat)
        {
            if (first)
                Elementwise.Ternary(new GradientA<T>(), g.Count, a.Pointer, b.Pointer, dy.Pointer, d.Pointer, beta);
            else
                Elementwise.Ternary(new GradientB<T>(), g.Count, a.Pointer, b.Pointer, dy.Pointer, d.Pointer, beta);
            return;
        }
        Strides4 to = first ? g.A : g.B;
        var sums = new double[g.CountOf(to)];
        float* y = dy.Pointer;
        for (int i0 = 0; i0 < g.D0; i0++)
        {
            for (int i1 = 0; i1 < g.D1; i1++)
            {
                for (int i2 = 0; i2 < g.D2; i2++, y += g.D3)
                    AddRow<T>(g, a.Pointer + g.A.Row(i0, i1, i2), b.Pointer + g.B.Row(i0, i1, i2), y, sums.AsSpan((int)to.Row(i0, i1, i2)), to.S3, first);
            }
        }
        for (int j = 0; j < sums.Length; j++)
            BetaStore.Store(ref d.Pointer[j], sums[j], beta);
    }

    private static void AddRow<T>(in BinaryGeometry g, float* a, float* b, float* dy, Span<double> sums, int step, bool first)
        where T : unmanaged, IFormula
    {
        T formula = default;
        for (int i = 0; i < g.D3; i += 16)
        {
            int count = Math.Min(16, g.D3 - i);
            V x = Lanes(a, g.A.S3, i, count), z = Lanes(b, g.B.S3, i, count);
            V d = (first ? formula.SlopeA(x, z) : formula.SlopeB(x, z)) * Lanes(dy, 1, i, count);
            for (int lane = 0; lane < count; lane++)
                sums[(i + lane) * step] += d[lane];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Lanes(float* x, int step, int i, int count) =>
        step == 0 ? Vector512.Create(*x) : count == 16 ? Vector512.Load(x + i) : Elementwise.LoadTail(x + i, count);

    private interface IFormula
    {
        V Value(V a, V b);

        V SlopeA(V a, V b);

        V SlopeB(V a, V b);
    }

    private struct Value<T> : IBinaryFormula
        where T : unmanaged, IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V Apply(V a, V b) => default(T).Value(a, b);
    }

    private struct GradientA<T> : ITernaryFormula
        where T : unmanaged, IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V Apply(V a, V b, V c) => default(T).SlopeA(a, b) * c;
    }

    private struct GradientB<T> : ITernaryFormula
        where T : unmanaged, IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V Apply(V a, V b, V c) => default(T).SlopeB(a, b) * c;
    }

    private struct ForwardRows<T> : IChunkBody
        where T : unmanaged, IFormula
    {
        public BinaryGeometry G;
        public float* A, B, Y;

        public static long PerChunk(in BinaryGeometry g) => Math.Max(1, Elementwise.Chunk / Math.Max(1, g.D3));

        public readonly void Run(int chunk)
        {
            long rows = (long)G.D0 * G.D1 * G.D2, end = Math.Min(rows, (chunk + 1) * PerChunk(G));
            for (long row = chunk * PerChunk(G); row < end; row++)
            {
                int i2 = (int)(row % G.D2), i1 = (int)(row / G.D2 % G.D1), i0 = (int)(row / G.D2 / G.D1);
                float* a = A + G.A.Row(i0, i1, i2), b = B + G.B.Row(i0, i1, i2), y = Y + row * G.D3;
                for (int i = 0; i < G.D3; i += 16)
                {
                    int count = Math.Min(16, G.D3 - i);
                    V r = default(T).Value(Lanes(a, G.A.S3, i, count), Lanes(b, G.B.S3, i, count));
                    if (count == 16)
                    {
                        r.Store(y + i);
                        continue;
                    }
                    for (int lane = 0; lane < count; lane++)
                        y[i + lane] = r[lane];
                }
            }
        }
    }

    private readonly struct Add : IFormula
    {
        public V Value(V a, V b) => a + b;

        public V SlopeA(V a, V b) => V.One;

        public V SlopeB(V a, V b) => V.One;
    }

    private readonly struct Subtract : IFormula
    {
        public V Value(V a, V b) => a - b;

        public V SlopeA(V a, V b) => V.One;

        public V SlopeB(V a, V b) => -V.One;
    }

    private readonly struct Multiply : IFormula
    {
        public V Value(V a, V b) => a * b;

        public V SlopeA(V a, V b) => b;

        public V SlopeB(V a, V b) => a;
    }

    private readonly struct Divide : IFormula
    {
        public V Value(V a, V b) => a / b;

        public V SlopeA(V a, V b) => V.One / b;

        public V SlopeB(V a, V b) => -a / (b * b);
    }

    private readonly struct Maximum : IFormula
    {
        public V Value(V a, V b) => Vector512.Max(a, b);

        public V SlopeA(V a, V b) => Vector512.ConditionalSelect(Vector512.GreaterThan(a, b), V.One, Half(a, b));

        public V SlopeB(V a, V b) => SlopeA(b, a);
    }

    private readonly struct Minimum : IFormula
    {
        public V Value(V a, V b) => Vector512.Min(a, b);

        public V SlopeA(V a, V b) => Vector512.ConditionalSelect(Vector512.LessThan(a, b), V.One, Half(a, b));

        public V SlopeB(V a, V b) => SlopeA(b, a);
    }

    private static V Half(V a, V b) => Vector512.ConditionalSelect(Vector512.Equals(a, b), Vector512.Create(0.5f), V.Zero);
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>y = f(x) on 16 lanes.</summary>
internal interface IUnaryFormula
{
    /// <summary>The formula.</summary>
    Vector512<float> Apply(Vector512<float> x);
}

/// <summary>y = f(a, b) on 16 lanes.</summary>
internal interface IBinaryFormula
{
    /// <summary>The formula.</summary>
    Vector512<float> Apply(Vector512<float> a, Vector512<float> b);
}

/// <summary>y = f(a, b, c) on 16 lanes.</summary>
internal interface ITernaryFormula
{
    /// <summary>The formula.</summary>
    Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c);
}

/// <summary>One loop an arity for all elementwise formulas, threaded by chunks of a fixed size.</summary>
/// <remarks>The tail goes through the same vector code on a padded copy: lane and tail give the same bits.</remarks>
internal static unsafe class Elementwise
{
    /// <summary>Elements a chunk: large enough to hide the hand-over of about a microsecond.</summary>
    public const int Chunk = 16384;

    private const int Lanes = 16;

    /// <summary>y[i] = f(x[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Unary<T>(T formula, long count, float* x, float* y, float beta = 0)
        where T : unmanaged, IUnaryFormula
    {
        var loop = new Loop<UnaryAdapter<T>> { Formula = new UnaryAdapter<T> { Formula = formula }, Count = count, A = x, B = x, C = x, Y = y, Beta = beta };
        WorkerPool.For(Chunks(count), ref loop);
    }

    /// <summary>y[i] = f(a[i], b[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Binary<T>(T formula, long count, float* a, float* b, float* y, float beta = 0)
        where T : unmanaged, IBinaryFormula
    {
        var loop = new Loop<BinaryAdapter<T>> { Formula = new BinaryAdapter<T> { Formula = formula }, Count = count, A = a, B = b, C = a, Y = y, Beta = beta };
        WorkerPool.For(Chunks(count), ref loop);
    }

    /// <summary>y[i] = f(a[i], b[i], c[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Ternary<T>(T formula, long count, float* a, float* b, float* c, float* y, float beta = 0)
        where T : unmanaged, ITernaryFormula
    {
        var loop = new Loop<T> { Formula = formula, Count = count, A = a, B = b, C = c, Y = y, Beta = beta };
        WorkerPool.For(Chunks(count), ref loop);
    }

    /// <summary>Sum in a fixed order: blocks of 1024 in float lanes, their sums in double.</summary>
    public static double Sum(long count, float* x)
    {
        double total = 0;
        for (long i = 0; i < count; i += 1024)
            total += SumBlock((int)Math.Min(1024, count - i), x + i);
        return total;
    }

    /// <summary>The largest element; -infinity where there is none.</summary>
    public static float Max(long count, float* x)
    {
        var max = Vector512.Create(float.NegativeInfinity);
        long i = 0;
        for (; i <= count - Lanes; i += Lanes)
            max = Vector512.Max(max, Vector512.Load(x + i));
        float result = float.NegativeInfinity;
        for (int lane = 0; lane < Lanes; lane++)
            result = MathF.Max(result, max[lane]);
        for (; i < count; i++)
            result = MathF.Max(result, x[i]);
        return result;
    }

    /// <summary>Number of chunks for an elementwise loop.</summary>
    public static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    private static float SumBlock(int count, float* x)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        int i = 0;
        for (; i <= count - Lanes; i += Lanes)
            sum += Vector512.Load(x + i);
        float tail = 0;
        for (; i < count; i++)
            tail += x[i];
        return Vector512.Sum(sum) + tail;
    }

    private struct UnaryAdapter<T> : ITernaryFormula
        where T : unmanaged, IUnaryFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Formula.Apply(a);
    }

    private struct BinaryAdapter<T> : ITernaryFormula
        where T : unmanaged, IBinaryFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Formula.Apply(a, b);
    }

    private struct Loop<T> : IChunkBody
        where T : unmanaged, ITernaryFormula
    {
        public T Formula;
        public long Count;
        public float* A, B, C, Y;
        public float Beta;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int chunk)
        {
            long i = (long)chunk * Chunk, end = Math.Min(Count, i + Chunk);
            T formula = Formula;
            float* a = A, b = B, c = C, y = Y;
            var beta = Vector512.Create(Beta);
            bool adds = Beta != 0;
            for (; i <= end - Lanes; i += Lanes)
            {
                Vector512<float> r = formula.Apply(Vector512.Load(a + i), Vector512.Load(b + i), Vector512.Load(c + i));
                (adds ? Vector512.MultiplyAddEstimate(beta, Vector512.Load(y + i), r) : r).Store(y + i);
            }
            if (i < end)
            {
                int rest = (int)(end - i);
                Vector512<float> r = formula.Apply(LoadTail(a + i, rest), LoadTail(b + i, rest), LoadTail(c + i, rest));
                if (adds)
                    r = Vector512.MultiplyAddEstimate(beta, LoadTail(y + i, rest), r);
                for (int lane = 0; lane < rest; lane++)
                    y[i + lane] = r[lane];
            }
        }
    }

    /// <summary>The last few numbers of a row, the other lanes 1.</summary>
    public static Vector512<float> LoadTail(float* x, int count)
    {
        Vector512<float> v = Vector512<float>.One;
        for (int lane = 0; lane < count; lane++)
            v = v.WithElement(lane, x[lane]);
        return v;
    }
}

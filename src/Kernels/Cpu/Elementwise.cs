using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>y = f(x), lane by lane.</summary>
internal interface IUnaryFormula
{
    /// <summary>The formula.</summary>
    V Apply<V>(V x) where V : unmanaged, ILanes<V>;
}

/// <summary>y = f(a, b), lane by lane.</summary>
internal interface IBinaryFormula
{
    /// <summary>The formula.</summary>
    V Apply<V>(V a, V b) where V : unmanaged, ILanes<V>;
}

/// <summary>y = f(a, b, c), lane by lane.</summary>
internal interface ITernaryFormula
{
    /// <summary>The formula.</summary>
    V Apply<V>(V a, V b, V c) where V : unmanaged, ILanes<V>;
}

/// <summary>One loop an arity for all elementwise formulas, on the widest vectors there are, threaded by chunks of a fixed size.</summary>
/// <remarks>The tail goes through the same vector code on a padded copy: lane and tail give the same bits.</remarks>
internal static unsafe class Elementwise
{
    /// <summary>Elements a chunk: large enough to hide the hand-over of about a microsecond.</summary>
    public const int Chunk = 16384;

    private const int MaxLanes = 16;

    /// <summary>y[i] = f(x[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Unary<T>(T formula, long count, float* x, float* y, float beta = 0)
        where T : unmanaged, IUnaryFormula => Unary(LaneWidth.Current, formula, count, x, y, beta);

    /// <summary>The same on vectors of a given width.</summary>
    public static void Unary<T>(int bits, T formula, long count, float* x, float* y, float beta)
        where T : unmanaged, IUnaryFormula => Ternary(bits, new UnaryAdapter<T> { Formula = formula }, count, x, x, x, y, beta);

    /// <summary>y[i] = f(a[i], b[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Binary<T>(T formula, long count, float* a, float* b, float* y, float beta = 0)
        where T : unmanaged, IBinaryFormula => Ternary(new BinaryAdapter<T> { Formula = formula }, count, a, b, a, y, beta);

    /// <summary>y[i] = f(a[i], b[i], c[i]) + beta·y[i]; with beta 0 y is not read.</summary>
    public static void Ternary<T>(T formula, long count, float* a, float* b, float* c, float* y, float beta = 0)
        where T : unmanaged, ITernaryFormula => Ternary(LaneWidth.Current, formula, count, a, b, c, y, beta);

    /// <summary>The same on vectors of a given width.</summary>
    public static void Ternary<T>(int bits, T formula, long count, float* a, float* b, float* c, float* y, float beta)
        where T : unmanaged, ITernaryFormula =>
        LaneWidth.Run(bits, new Operands<T> { Formula = formula, Count = count, A = a, B = b, C = c, Y = y, Beta = beta });

    /// <summary>The largest element; -infinity where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Max(long count, float* x)
    {
        Vector512<float> max0 = Vector512.Create(float.NegativeInfinity), max1 = max0, max2 = max0, max3 = max0; // four: a maximum waits for the one before
        long i = 0;
        for (; i <= count - 4 * MaxLanes; i += 4 * MaxLanes)
        {
            max0 = Vector512.Max(max0, Vector512.Load(x + i));
            max1 = Vector512.Max(max1, Vector512.Load(x + i + MaxLanes));
            max2 = Vector512.Max(max2, Vector512.Load(x + i + 2 * MaxLanes));
            max3 = Vector512.Max(max3, Vector512.Load(x + i + 3 * MaxLanes));
        }
        for (; i <= count - MaxLanes; i += MaxLanes)
            max0 = Vector512.Max(max0, Vector512.Load(x + i));
        Vector512<float> max = Vector512.Max(Vector512.Max(max0, max1), Vector512.Max(max2, max3));
        Vector256<float> eight = Vector256.Max(max.GetLower(), max.GetUpper());
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        float result = MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
        for (; i < count; i++)
            result = MathF.Max(result, x[i]);
        return result;
    }

    /// <summary>Number of chunks for an elementwise loop.</summary>
    public static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    /// <summary>The last few numbers of a row, the other lanes 1.</summary>
    public static V LoadTail<V>(float* x, int count)
        where V : unmanaged, ILanes<V>
    {
        V v = V.One;
        for (int lane = 0; lane < count; lane++)
            v = v.With(lane, x[lane]);
        return v;
    }

    /// <summary>Stores the first few lanes.</summary>
    public static void StoreTail<V>(V values, float* y, int count)
        where V : unmanaged, ILanes<V>
    {
        for (int lane = 0; lane < count; lane++)
            y[lane] = values[lane];
    }

    private struct UnaryAdapter<T> : ITernaryFormula
        where T : unmanaged, IUnaryFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V a, V b, V c)
            where V : unmanaged, ILanes<V> => Formula.Apply(a);
    }

    private struct BinaryAdapter<T> : ITernaryFormula
        where T : unmanaged, IBinaryFormula
    {
        public T Formula;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V>(V a, V b, V c)
            where V : unmanaged, ILanes<V> => Formula.Apply(a, b);
    }

    private struct Operands<T> : ILaneWork
        where T : unmanaged, ITernaryFormula
    {
        public T Formula;
        public long Count;
        public float* A, B, C, Y;
        public float Beta;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var loop = new Loop<T, V> { Of = this };
            WorkerPool.For(Chunks(Count), ref loop);
        }
    }

    private struct Loop<T, V> : IChunkBody
        where T : unmanaged, ITernaryFormula
        where V : unmanaged, ILanes<V>
    {
        public Operands<T> Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Run(int chunk)
        {
            long i = (long)chunk * Chunk, end = Math.Min(Of.Count, i + Chunk);
            T formula = Of.Formula;
            float* a = Of.A, b = Of.B, c = Of.C, y = Of.Y;
            V beta = V.Create(Of.Beta);
            bool adds = Of.Beta != 0;
            for (; i <= end - V.Count; i += V.Count)
            {
                V r = formula.Apply(V.Load(a + i), V.Load(b + i), V.Load(c + i));
                (adds ? V.MultiplyAdd(beta, V.Load(y + i), r) : r).Store(y + i);
            }
            if (i == end)
                return;
            int rest = (int)(end - i);
            V tail = formula.Apply(LoadTail<V>(a + i, rest), LoadTail<V>(b + i, rest), LoadTail<V>(c + i, rest));
            StoreTail(adds ? V.MultiplyAdd(beta, LoadTail<V>(y + i, rest), tail) : tail, y + i, rest);
        }
    }
}

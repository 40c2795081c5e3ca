using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One optimizer step on 16 weights: the vectors are read, moved and written back by the loop.</summary>
internal interface IStepFormula
{
    /// <summary>Moves the weights and slots; slots that the optimizer lacks hold the gradient and are not written.</summary>
    void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c);
}

/// <summary>The loop that all optimizer steps share: one pass over weights, gradients and up to three slots, which may be null.</summary>
internal unsafe struct StepLoop<T> : IRowBody
    where T : unmanaged, IStepFormula
{
    private const int Lanes = 16;

    private T _formula;
    private float* _w, _g, _a, _b, _c;
    private long _count;

    /// <summary>Runs the step over <paramref name="count"/> weights.</summary>
    public static void Run(T formula, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a = default, DevicePtr<float> b = default, DevicePtr<float> c = default)
    {
        var loop = new StepLoop<T> { _formula = formula, _w = w.Pointer, _g = g.Pointer, _a = a.Pointer, _b = b.Pointer, _c = c.Pointer, _count = count };
        ParallelRows.Run(Elementwise.Chunks(count), 1, loop);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end)
    {
        long i = (long)first * Elementwise.Chunk, stop = Math.Min(_count, (long)end * Elementwise.Chunk);
        for (; i <= stop - Lanes; i += Lanes)
        {
            Vector512<float> w = Vector512.Load(_w + i), g = Vector512.Load(_g + i);
            Vector512<float> a = _a == null ? g : Vector512.Load(_a + i), b = _b == null ? g : Vector512.Load(_b + i), c = _c == null ? g : Vector512.Load(_c + i);
            _formula.Apply(ref w, g, ref a, ref b, ref c);
            w.Store(_w + i);
            if (_a != null)
                a.Store(_a + i);
            if (_b != null)
                b.Store(_b + i);
            if (_c != null)
                c.Store(_c + i);
        }
        if (i < stop)
            Tail(i, (int)(stop - i));
    }

    private readonly void Tail(long i, int rest)
    {
        Vector512<float> w = Elementwise.LoadTail(_w + i, rest), g = Elementwise.LoadTail(_g + i, rest);
        Vector512<float> a = Slot(_a, g, i, rest), b = Slot(_b, g, i, rest), c = Slot(_c, g, i, rest);
        _formula.Apply(ref w, g, ref a, ref b, ref c);
        Store(_w, w, i, rest);
        Store(_a, a, i, rest);
        Store(_b, b, i, rest);
        Store(_c, c, i, rest);
    }

    private static Vector512<float> Slot(float* slot, Vector512<float> g, long i, int rest) => slot == null ? g : Elementwise.LoadTail(slot + i, rest);

    private static void Store(float* slot, Vector512<float> values, long i, int rest)
    {
        for (int lane = 0; slot != null && lane < rest; lane++)
            slot[i + lane] = values[lane];
    }
}

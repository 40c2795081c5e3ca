using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>A step on neighbouring numbers of one tensor. The tail goes through the same vector code on padded copies.</summary>
internal readonly unsafe struct StepStretch<T, V>
    where T : unmanaged, IStepFormula<V>
    where V : unmanaged, ILanes<V>
{
    private readonly float* _weight, _slotA, _slotB, _slotC;
    private readonly V _factor, _low, _high;
    private readonly bool _clips;

    /// <summary>What the loop needs of a tensor, in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public StepStretch(StepTensor* tensor)
    {
        _weight = tensor->W.Pointer;
        _slotA = tensor->A.Pointer;
        _slotB = tensor->B.Pointer;
        _slotC = tensor->C.Pointer;
        (_factor, _low, _high) = (V.Create(tensor->Factor), V.Create(-tensor->Limit), V.Create(tensor->Limit));
        _clips = !float.IsPositiveInfinity(tensor->Limit);
    }

    /// <summary>Moves the numbers from <paramref name="first"/> up to <paramref name="stop"/>; <paramref name="gradient"/> points to the gradient of the first.</summary>
    public static void Move(in T formula, StepTensor* tensor, float* gradient, long first, long stop) => Move(formula, tensor, gradient, 0, first, stop - first, 0, 1);

    /// <summary>Moves <paramref name="rows"/> rows of <paramref name="columns"/> numbers: row by row they lie <paramref name="width"/> numbers apart, and their gradients <paramref name="stride"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Move(in T formula, StepTensor* tensor, float* gradient, int stride, long first, long columns, int width, int rows)
    {
        T f = formula; // in registers
        var stretch = new StepStretch<T, V>(tensor);
        for (; rows > 0; rows--, first += width, gradient += stride)
        {
            long j = 0;
            for (; j <= columns - V.Count; j += V.Count)
                stretch.Move(f, V.Load(gradient + j), first + j);
            if (j < columns)
                stretch.MoveTail(f, Elementwise.LoadTail<V>(gradient + j, (int)(columns - j)), first + j, (int)(columns - j));
        }
    }

    /// <summary>Moves a vector of numbers, from <paramref name="i"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Move(in T formula, V g, long i)
    {
        g = Clipped(g);
        V w = V.Load(_weight + i), a = T.HasA ? V.Load(_slotA + i) : g, b = T.HasB ? V.Load(_slotB + i) : g, c = T.HasC ? V.Load(_slotC + i) : g;
        formula.Apply(ref w, g, ref a, ref b, ref c);
        w.Store(_weight + i);
        if (T.HasA)
            a.Store(_slotA + i);
        if (T.HasB)
            b.Store(_slotB + i);
        if (T.HasC)
            c.Store(_slotC + i);
    }

    /// <summary>Asks for weights and slots that move soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ask(long i)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch0(_weight + i);
        if (T.HasA)
            Sse.Prefetch0(_slotA + i);
        if (T.HasB)
            Sse.Prefetch0(_slotB + i);
        if (T.HasC)
            Sse.Prefetch0(_slotC + i);
    }

    private void MoveTail(in T formula, V g, long i, int rest)
    {
        g = Clipped(g);
        V w = Elementwise.LoadTail<V>(_weight + i, rest), a = T.HasA ? Elementwise.LoadTail<V>(_slotA + i, rest) : g;
        V b = T.HasB ? Elementwise.LoadTail<V>(_slotB + i, rest) : g, c = T.HasC ? Elementwise.LoadTail<V>(_slotC + i, rest) : g;
        formula.Apply(ref w, g, ref a, ref b, ref c);
        Elementwise.StoreTail(w, _weight + i, rest);
        if (T.HasA)
            Elementwise.StoreTail(a, _slotA + i, rest);
        if (T.HasB)
            Elementwise.StoreTail(b, _slotB + i, rest);
        if (T.HasC)
            Elementwise.StoreTail(c, _slotC + i, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Clipped(V g)
    {
        g *= _factor;
        return _clips ? V.Min(V.Max(g, _low), _high) : g;
    }
}

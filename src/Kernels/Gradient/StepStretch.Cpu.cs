using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>A step on neighbouring numbers of one tensor. The tail goes through the same vector code on padded copies.</summary>
internal static unsafe class StepStretch<T, V>
    where T : unmanaged, IStepFormula
    where V : unmanaged, ILanes<V>
{
    /// <summary>
    /// Moves the numbers from <paramref name="i"/> up to <paramref name="stop"/>; <paramref name="gradient"/> points to the gradient of the first. With
    /// <paramref name="ahead"/>, weights and slots that many numbers further on are asked for; where one pass runs through, the processor does so by itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Move(T formula, StepTensor* tensor, float* gradient, long i, long stop, int ahead = 0)
    {
        gradient -= i;
        float* weight = tensor->W.Pointer, slotA = tensor->A.Pointer, slotB = tensor->B.Pointer, slotC = tensor->C.Pointer;
        V factor = V.Create(tensor->Factor), low = V.Create(-tensor->Limit), high = V.Create(tensor->Limit);
        bool clips = !float.IsPositiveInfinity(tensor->Limit);
        for (; i <= stop - V.Count; i += V.Count)
        {
            if (ahead != 0 && Sse.IsSupported)
                Ask(weight + i + ahead, slotA, slotB, slotC, i + ahead);
            V g = V.Load(gradient + i) * factor;
            if (clips)
                g = V.Min(V.Max(g, low), high);
            V w = V.Load(weight + i), a = slotA == null ? g : V.Load(slotA + i), b = slotB == null ? g : V.Load(slotB + i), c = slotC == null ? g : V.Load(slotC + i);
            formula.Apply(ref w, g, ref a, ref b, ref c);
            w.Store(weight + i);
            if (slotA != null)
                a.Store(slotA + i);
            if (slotB != null)
                b.Store(slotB + i);
            if (slotC != null)
                c.Store(slotC + i);
        }
        if (i < stop)
            Tail(formula, tensor, gradient, i, (int)(stop - i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ask(float* weight, float* slotA, float* slotB, float* slotC, long i)
    {
        Sse.Prefetch0(weight);
        if (slotA != null)
            Sse.Prefetch0(slotA + i);
        if (slotB != null)
            Sse.Prefetch0(slotB + i);
        if (slotC != null)
            Sse.Prefetch0(slotC + i);
    }

    private static void Tail(T formula, StepTensor* tensor, float* gradient, long i, int rest)
    {
        V w = Elementwise.LoadTail<V>(tensor->W.Pointer + i, rest), g = Elementwise.LoadTail<V>(gradient + i, rest) * V.Create(tensor->Factor);
        if (!float.IsPositiveInfinity(tensor->Limit))
            g = V.Min(V.Max(g, V.Create(-tensor->Limit)), V.Create(tensor->Limit));
        float* slotA = tensor->A.Pointer, slotB = tensor->B.Pointer, slotC = tensor->C.Pointer;
        V a = Slot(slotA, g, i, rest), b = Slot(slotB, g, i, rest), c = Slot(slotC, g, i, rest);
        formula.Apply(ref w, g, ref a, ref b, ref c);
        Store(tensor->W.Pointer, w, i, rest);
        Store(slotA, a, i, rest);
        Store(slotB, b, i, rest);
        Store(slotC, c, i, rest);
    }

    private static V Slot(float* slot, V g, long i, int rest) => slot == null ? g : Elementwise.LoadTail<V>(slot + i, rest);

    private static void Store(float* slot, V values, long i, int rest)
    {
        if (slot != null)
            Elementwise.StoreTail(values, slot + i, rest);
    }
}

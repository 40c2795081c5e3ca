using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>A step on neighbouring numbers of one tensor. The tail goes through the same vector code on padded copies.</summary>
internal static unsafe class StepStretch<T, V>
    where T : unmanaged, IStepFormula
    where V : unmanaged, ILanes<V>
{
    /// <summary>Moves the numbers from <paramref name="i"/> up to <paramref name="stop"/>; <paramref name="gradient"/> points to the gradient of the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Move(T formula, StepTensor* tensor, float* gradient, long i, long stop)
    {
        gradient -= i;
        float* weight = tensor->W.Pointer, slotA = tensor->A.Pointer, slotB = tensor->B.Pointer, slotC = tensor->C.Pointer;
        V factor = V.Create(tensor->Factor), low = V.Create(-tensor->Limit), high = V.Create(tensor->Limit);
        bool clips = !float.IsPositiveInfinity(tensor->Limit);
        for (; i <= stop - V.Count; i += V.Count)
            Vector(ref formula, weight, slotA, slotB, slotC, i, V.Load(gradient + i) * factor, clips, low, high);
        if (i < stop)
            Tail(formula, tensor, gradient + i, i, (int)(stop - i));
    }

    /// <summary>Moves one vector of numbers; the gradient has its factor and is limited here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Vector(ref T formula, float* weight, float* slotA, float* slotB, float* slotC, long i, V g, bool clips, V low, V high)
    {
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

    /// <summary>Asks for the weights and slots of a number. Where one pass runs through, the processor does so by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(float* weight, float* slotA, float* slotB, float* slotC, long i)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch0(weight + i);
        if (slotA != null)
            Sse.Prefetch0(slotA + i);
        if (slotB != null)
            Sse.Prefetch0(slotB + i);
        if (slotC != null)
            Sse.Prefetch0(slotC + i);
    }

    /// <summary>Moves less than a vector of numbers; <paramref name="gradient"/> points to the gradient of the first.</summary>
    public static void Tail(T formula, StepTensor* tensor, float* gradient, long i, int rest)
    {
        V w = Elementwise.LoadTail<V>(tensor->W.Pointer + i, rest), g = Elementwise.LoadTail<V>(gradient, rest) * V.Create(tensor->Factor);
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

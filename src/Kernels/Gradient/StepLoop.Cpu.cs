using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One optimizer step on neighbouring weights: the vectors are read, moved and written back by the loop.</summary>
internal interface IStepFormula
{
    /// <summary>Moves the weights and slots; slots that the optimizer lacks hold the gradient and are not written.</summary>
    void Apply<V>(ref V w, V g, ref V a, ref V b, ref V c) where V : unmanaged, ILanes<V>;
}

/// <summary>The loop that all optimizer steps share: one pass over weights, gradients and up to three slots, which may be null.</summary>
internal unsafe struct StepLoop<T> : ILaneWork
    where T : unmanaged, IStepFormula
{
    private T _formula;
    private float* _w, _g, _a, _b, _c;
    private long _count;

    /// <summary>Runs the step over <paramref name="count"/> weights.</summary>
    public static void Run(T formula, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a = default, DevicePtr<float> b = default, DevicePtr<float> c = default) =>
        LaneWidth.Run(LaneWidth.Current, new StepLoop<T> { _formula = formula, _w = w.Pointer, _g = g.Pointer, _a = a.Pointer, _b = b.Pointer, _c = c.Pointer, _count = count });

    public readonly void Run<V>()
        where V : unmanaged, ILanes<V> => ParallelRows.Run(Elementwise.Chunks(_count), 1, new Body<V> { Of = this });

    private struct Body<V> : IRowBody
        where V : unmanaged, ILanes<V>
    {
        public StepLoop<T> Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end)
        {
            long i = (long)first * Elementwise.Chunk, stop = Math.Min(Of._count, (long)end * Elementwise.Chunk);
            float* slotA = Of._a, slotB = Of._b, slotC = Of._c;
            for (; i <= stop - V.Count; i += V.Count)
            {
                V w = V.Load(Of._w + i), g = V.Load(Of._g + i);
                V a = slotA == null ? g : V.Load(slotA + i), b = slotB == null ? g : V.Load(slotB + i), c = slotC == null ? g : V.Load(slotC + i);
                Of._formula.Apply(ref w, g, ref a, ref b, ref c);
                w.Store(Of._w + i);
                if (slotA != null)
                    a.Store(slotA + i);
                if (slotB != null)
                    b.Store(slotB + i);
                if (slotC != null)
                    c.Store(slotC + i);
            }
            if (i < stop)
                Tail(i, (int)(stop - i));
        }

        private readonly void Tail(long i, int rest)
        {
            V w = Elementwise.LoadTail<V>(Of._w + i, rest), g = Elementwise.LoadTail<V>(Of._g + i, rest);
            V a = Slot(Of._a, g, i, rest), b = Slot(Of._b, g, i, rest), c = Slot(Of._c, g, i, rest);
            Of._formula.Apply(ref w, g, ref a, ref b, ref c);
            Store(Of._w, w, i, rest);
            Store(Of._a, a, i, rest);
            Store(Of._b, b, i, rest);
            Store(Of._c, c, i, rest);
        }

        private static V Slot(float* slot, V g, long i, int rest) => slot == null ? g : Elementwise.LoadTail<V>(slot + i, rest);

        private static void Store(float* slot, V values, long i, int rest)
        {
            if (slot != null)
                Elementwise.StoreTail(values, slot + i, rest);
        }
    }
}

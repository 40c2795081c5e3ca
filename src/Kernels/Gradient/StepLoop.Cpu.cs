using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One optimizer step on neighbouring weights: the vectors are read, moved and written back by the loop.</summary>
internal interface IStepFormula
{
    /// <summary>Moves the weights and slots; slots that the optimizer lacks hold the gradient and are not written.</summary>
    void Apply<V>(ref V w, V g, ref V a, ref V b, ref V c) where V : unmanaged, ILanes<V>;
}

/// <summary>
/// The loop that all optimizer steps share: one pass over the weights, gradients and up to three slots of all tensors, in one job. The job is cut by
/// the numbers of all tensors together, so that many small ones cost no more than a large one.
/// </summary>
internal unsafe struct StepLoop<T> : ILaneWork
    where T : unmanaged, IStepFormula
{
    private T _formula;
    private TensorRow _row;

    /// <summary>Runs the step over all tensors.</summary>
    public static void Run(T formula, ReadOnlySpan<StepTensor> tensors)
    {
        long* starts = stackalloc long[tensors.Length + 1];
        fixed (StepTensor* first = tensors)
            LaneWidth.Run(LaneWidth.Current, new StepLoop<T> { _formula = formula, _row = new TensorRow(first, tensors.Length, starts) });
    }

    public readonly void Run<V>()
        where V : unmanaged, ILanes<V>
    {
        var body = new Body<V> { Of = this };
        WorkerPool.For(_row.Chunks, ref body);
    }

    private struct Body<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public StepLoop<T> Of;

        public readonly void Run(int chunk)
        {
            (long from, long end) = Of._row.Chunk(chunk);
            for (int t = Of._row.TensorAt(from); from < end; t++)
            {
                (long first, long stop) = Of._row.Part(t, from, end);
                Move(Of._row.Tensor(t), first, stop);
                from = Of._row.EndOf(t);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Move(StepTensor* tensor, long i, long stop)
        {
            T formula = Of._formula;
            float* weight = tensor->W.Pointer, gradient = tensor->G.Pointer, slotA = tensor->A.Pointer, slotB = tensor->B.Pointer, slotC = tensor->C.Pointer;
            V factor = V.Create(tensor->Factor), low = V.Create(-tensor->Limit), high = V.Create(tensor->Limit);
            bool clips = !float.IsPositiveInfinity(tensor->Limit);
            for (; i <= stop - V.Count; i += V.Count)
            {
                V w = V.Load(weight + i), g = V.Load(gradient + i) * factor;
                if (clips)
                    g = V.Min(V.Max(g, low), high);
                V a = slotA == null ? g : V.Load(slotA + i), b = slotB == null ? g : V.Load(slotB + i), c = slotC == null ? g : V.Load(slotC + i);
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
                Tail(tensor, i, (int)(stop - i));
        }

        private readonly void Tail(StepTensor* tensor, long i, int rest)
        {
            V w = Elementwise.LoadTail<V>(tensor->W.Pointer + i, rest), g = Elementwise.LoadTail<V>(tensor->G.Pointer + i, rest) * V.Create(tensor->Factor);
            if (!float.IsPositiveInfinity(tensor->Limit))
                g = V.Min(V.Max(g, V.Create(-tensor->Limit)), V.Create(tensor->Limit));
            float* slotA = tensor->A.Pointer, slotB = tensor->B.Pointer, slotC = tensor->C.Pointer;
            V a = Slot(slotA, g, i, rest), b = Slot(slotB, g, i, rest), c = Slot(slotC, g, i, rest);
            Of._formula.Apply(ref w, g, ref a, ref b, ref c);
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
}

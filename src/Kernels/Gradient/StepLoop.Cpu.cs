using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// The loop that all optimizer steps share: one pass over the weights, gradients and up to three slots of all tensors, in one job. The job is cut by
/// the numbers of all tensors together, so that many small ones cost no more than a large one. A gradient that is a product has a job of its own, in
/// which it is made: <see cref="ProductStep{T, V}"/>.
/// </summary>
internal readonly unsafe struct StepLoop
{
    private readonly TensorRow _row;
    private readonly int _tensors;

    private StepLoop(TensorRow row, int tensors) => (_row, _tensors) = (row, tensors);

    /// <summary>Runs the step over all tensors.</summary>
    public static void Run<T>(T rule, ReadOnlySpan<StepTensor> tensors)
        where T : unmanaged, IStepRule
    {
        long* starts = stackalloc long[tensors.Length + 1];
        fixed (StepTensor* first = tensors)
            LaneWidth.Run(LaneWidth.Current, new Work<T> { Rule = rule, Loop = new StepLoop(new TensorRow(first, tensors.Length, starts), tensors.Length) });
    }

    /// <summary>Moves all tensors by one formula.</summary>
    public void Move<T, V>(T formula)
        where T : unmanaged, IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        var body = new Body<T, V> { Formula = formula, Row = _row };
        WorkerPool.For(_row.Chunks, ref body);
        for (int t = 0; t < _tensors; t++)
        {
            if (!_row.Tensor(t)->IsProduct)
                continue;
            var step = new ProductStep<T, V>(formula, _row.Tensor(t));
            WorkerPool.For(step.Chunks, ref step);
        }
    }

    private struct Work<T> : ILaneWork
        where T : unmanaged, IStepRule
    {
        public T Rule;
        public StepLoop Loop;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V> => Rule.Run<V>(Loop);
    }

    private struct Body<T, V> : IChunkBody
        where T : unmanaged, IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        public T Formula;
        public TensorRow Row;

        public readonly void Run(int chunk)
        {
            (long from, long end) = Row.Chunk(chunk);
            for (int t = Row.TensorAt(from); from < end; t++)
            {
                (long first, long stop) = Row.Part(t, from, end);
                StepTensor* tensor = Row.Tensor(t);
                StepStretch<T, V>.Move(Formula, tensor, tensor->G.Pointer + first, first, stop);
                from = Row.EndOf(t);
            }
        }
    }
}

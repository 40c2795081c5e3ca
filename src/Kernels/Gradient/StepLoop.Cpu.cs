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
/// the numbers of all tensors together, so that many small ones cost no more than a large one. A gradient that is a product has a job of its own, in
/// which it is made: <see cref="ProductStep{T, V}"/>.
/// </summary>
internal unsafe struct StepLoop<T> : ILaneWork
    where T : unmanaged, IStepFormula
{
    private T _formula;
    private TensorRow _row;
    private int _tensors;

    /// <summary>Runs the step over all tensors.</summary>
    public static void Run(T formula, ReadOnlySpan<StepTensor> tensors)
    {
        long* starts = stackalloc long[tensors.Length + 1];
        fixed (StepTensor* first = tensors)
            LaneWidth.Run(LaneWidth.Current, new StepLoop<T> { _formula = formula, _row = new TensorRow(first, tensors.Length, starts), _tensors = tensors.Length });
    }

    public readonly void Run<V>()
        where V : unmanaged, ILanes<V>
    {
        var body = new Body<V> { Of = this };
        WorkerPool.For(_row.Chunks, ref body);
        for (int t = 0; t < _tensors; t++)
        {
            if (_row.Tensor(t)->IsProduct)
                RunProduct<V>(_row.Tensor(t));
        }
    }

    private readonly void RunProduct<V>(StepTensor* tensor)
        where V : unmanaged, ILanes<V>
    {
        var step = new ProductStep<T, V>(_formula, tensor);
        WorkerPool.For(step.Chunks, ref step);
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
                StepTensor* tensor = Of._row.Tensor(t);
                StepStretch<T, V>.Move(Of._formula, tensor, tensor->G.Pointer + first, first, stop);
                from = Of._row.EndOf(t);
            }
        }
    }
}

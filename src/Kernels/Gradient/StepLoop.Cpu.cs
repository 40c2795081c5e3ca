using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>The step of an optimizer, written once for every width of vector.</summary>
internal interface IStepRule
{
    /// <summary>Makes the formula for vectors <typeparamref name="V"/> and hands it to <see cref="StepLoop.Move{T, V}"/>.</summary>
    void Run<V>(StepLoop loop) where V : unmanaged, ILanes<V>;
}

/// <summary>One optimizer step on neighbouring weights: the vectors are read, moved and written back by the loop.</summary>
/// <remarks>A formula holds its constants as vectors, so that a loop makes none; variants are types of their own, so that it has no tests for them.</remarks>
internal interface IStepFormula<V>
    where V : unmanaged, ILanes<V>
{
    /// <summary>True where the optimizer has slot A of <see cref="StepTensor"/>.</summary>
    static virtual bool HasA => false;

    /// <summary>True where it has slot B.</summary>
    static virtual bool HasB => false;

    /// <summary>True where it has slot C.</summary>
    static virtual bool HasC => false;

    /// <summary>Moves the weights and slots; slots that the optimizer lacks hold the gradient and are not written.</summary>
    void Apply(ref V w, V g, ref V a, ref V b, ref V c);
}

/// <summary>A choice that the compiler knows.</summary>
internal interface IFlag
{
    static abstract bool IsSet { get; }
}

/// <summary>With it.</summary>
internal readonly struct Yes : IFlag
{
    public static bool IsSet => true;
}

/// <summary>Without it.</summary>
internal readonly struct No : IFlag
{
    public static bool IsSet => false;
}

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

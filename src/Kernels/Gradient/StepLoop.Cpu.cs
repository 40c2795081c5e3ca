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
/// the numbers of all tensors together, so that many small ones cost no more than a large one. A gradient that is a product has a job of its own, which
/// makes it block by block: no step reads or writes it in memory.
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
        GradientProduct product = tensor->Product;
        DenseGeometry g = product.Geometry;
        var body = new ProductBody<V> { Formula = _formula, Tensor = tensor, Blocks = new Gemm.OuterBlocks(g.I, g.O, g.N, product.X.Pointer, product.DY.Pointer) };
        WorkerPool.For(body.Blocks.Count, ref body);
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

    /// <summary>A chunk: one block of the gradient into a buffer of the thread's stack, then the weights of the block.</summary>
    private struct ProductBody<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public T Formula;
        public StepTensor* Tensor;
        public Gemm.OuterBlocks Blocks;

        [SkipLocalsInit]
        public readonly void Run(int chunk)
        {
            float* buffer = stackalloc float[Gemm.OuterBlocks.BufferSize], gradient = Gemm.OuterBlocks.Align(buffer);
            (int row, int rows, int column, int columns) = Blocks.Place(chunk);
            Blocks.Run(chunk, gradient);
            int width = Tensor->Product.Geometry.O;
            long first = (long)row * width + column;
            if (columns == width) // the rows follow each other in both
                (rows, columns) = (1, rows * columns);
            for (int i = 0; i < rows; i++, first += width, gradient += columns)
                StepStretch<T, V>.Move(Formula, Tensor, gradient, first, first + columns);
        }
    }
}

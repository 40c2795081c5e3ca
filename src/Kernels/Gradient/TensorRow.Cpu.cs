using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Tensors laid end to end in one row of numbers, which is cut into chunks of one size. Each tensor begins at a whole cache
/// line of the row, so that vectors within a chunk lie as in the tensor. One whose gradient is a product has no part in the row.
/// </summary>
internal readonly unsafe struct TensorRow
{
    private const int Line = 16; // floats

    private readonly StepTensor* _tensors;
    private readonly int _count;
    private readonly long* _starts; // of each tensor in the row, and the row's end

    /// <param name="tensors">The tensors, in memory that stays where it is.</param>
    /// <param name="count">How many.</param>
    /// <param name="starts">Room for one number more than that.</param>
    public TensorRow(StepTensor* tensors, int count, long* starts)
    {
        _tensors = tensors;
        _count = count;
        _starts = starts;
        starts[0] = 0;
        for (int t = 0; t < count; t++)
            starts[t + 1] = starts[t] + (Length(t) + Line - 1) / Line * Line;
    }

    /// <summary>Number of chunks.</summary>
    public int Chunks => Elementwise.Chunks(_starts[_count]);

    /// <summary>Where a chunk begins and ends in the row.</summary>
    public (long From, long End) Chunk(int chunk) => ((long)chunk * Elementwise.Chunk, Math.Min((chunk + 1L) * Elementwise.Chunk, _starts[_count]));

    /// <summary>Which tensor holds a number of the row.</summary>
    public int TensorAt(long number)
    {
        int low = 0, high = _count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _starts[middle] <= number ? (middle, high) : (low, middle - 1);
        }
        return low;
    }

    /// <summary>A tensor.</summary>
    public StepTensor* Tensor(int t) => _tensors + t;

    /// <summary>Where a tensor ends in the row.</summary>
    public long EndOf(int t) => _starts[t + 1];

    /// <summary>The numbers of a tensor that lie in a stretch of the row.</summary>
    public (long First, long Stop) Part(int t, long from, long end) => (from - _starts[t], Math.Min(Length(t), end - _starts[t]));

    private long Length(int t) => _tensors[t].IsProduct ? 0 : _tensors[t].Count;
}

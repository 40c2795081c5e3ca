namespace Graft.Kernels.Cuda;

/// <summary>
/// Copies of matrices whose rows begin on multiples of 128 bytes, rounded to a precision: products on tensor cores are several times as fast on them as on rows of,
/// say, 50257 numbers, and a copy is one pass over memory.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="precision">What copies are rounded to.</param>
/// <param name="stored">How matrices lie in memory: as float32, or in the 16 bits of the precision.</param>
/// <param name="output">How results do.</param>
internal sealed class CudaPadding(CudaContext context, ComputePrecision precision, ComputePrecision stored = ComputePrecision.Float32, ComputePrecision output = ComputePrecision.Float32)
{
    /// <summary>Sizes of matrices are made multiples of this: 16 bytes of the narrowest numbers.</summary>
    public const int Multiple = 8;

    /// <summary>Numbers of a matrix from which on another layout pays for the pass over memory that makes it.</summary>
    public const long Fewest = 1 << 20;

    /// <summary>Rows of a result that is made in such rows first.</summary>
    public const int RowsAtOnce = 512;

    private const int RowPart = 2048; // numbers of a block, as in PaddedRows.cu
    private const int RowBytes = 128;
    private const string File = "PaddedRows.cu";

    private readonly KernelFunction _pad = new(context, File, NarrowName.Of(stored.IsNarrow() ? "pad_stored_rows" : "pad_rows", precision)),
        _unpad = new(context, File, NarrowName.Of("unpad_rows", output));

    private int NumberBytes => precision.IsNarrow() ? sizeof(ushort) : sizeof(float);

    private int OutputBytes => output.IsNarrow() ? sizeof(ushort) : sizeof(float);

    /// <summary>The next multiple.</summary>
    public static int Up(int size, int multiple = Multiple) => checked((size + multiple - 1) / multiple * multiple);

    /// <summary>A copy of x [rows,columns], dense, with 0 around it, in a block of its own; its rows are <paramref name="stride"/> numbers apart.</summary>
    public CudaScratch Pad(DevicePtr<float> x, int rows, int columns, out int stride)
    {
        int width = Up(columns, RowBytes / NumberBytes);
        stride = width;
        return CudaScratch.Filled(context, (long)Up(rows) * width * NumberBytes, y => _pad.Launch(Up(rows), Parts(width), KernelFunction.Threads, 1, x, y, rows, columns, width));
    }

    /// <summary>A block for a result [rows,columns] in such rows.</summary>
    public CudaScratch Room(int rows, int columns, out int stride)
    {
        stride = Up(columns, RowBytes / OutputBytes);
        return new CudaScratch(context, (long)rows * stride * OutputBytes);
    }

    /// <summary>y = beta y + x: a result to where it belongs.</summary>
    public void Unpad(nint x, int stride, DevicePtr<float> y, int yStride, int rows, int columns, float beta) =>
        _unpad.Launch(rows, Parts(columns), KernelFunction.Threads, 1, x, stride, y, yStride, columns, beta);

    private static int Parts(int columns) => (columns + RowPart - 1) / RowPart;
}

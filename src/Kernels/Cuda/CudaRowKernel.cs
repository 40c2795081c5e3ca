namespace Graft.Kernels.Cuda;

/// <summary>A kernel over rows, in forms for their length and number: name_warp2, name_warp8, name_block and name_long, as Four.cuh has it.</summary>
/// <param name="context">The GPU.</param>
/// <param name="file">The file: "Softmax.cu".</param>
/// <param name="name">The kernel's name without its form.</param>
/// <param name="stored">How numbers lie in memory.</param>
internal sealed class CudaRowKernel(CudaContext context, string file, string name, ComputePrecision stored = ComputePrecision.Float32)
{
    private const int Warp = 32, WarpRows = 4; // as in Four.cuh
    private const int MostOfWarp2 = Warp * 4 * 2, MostOfWarp8 = Warp * 4 * 8, MostOfBlock = KernelFunction.Threads * 4 * 4; // numbers that fit into the registers
    private const int ManyRows = 1024; // fill any GPU by a warp each; fewer are sooner done by a block each
    private const int LongThreads = 512, VeryLong = 1 << 14;

    private readonly KernelFunction _warp2 = new(context, file, NarrowName.Of(name + "_warp2", stored)), _warp8 = new(context, file, NarrowName.Of(name + "_warp8", stored)),
        _block = new(context, file, NarrowName.Of(name + "_block", stored)), _long = new(context, file, NarrowName.Of(name + "_long", stored));

    /// <summary>Launches the form that fits; which one follows from the sizes alone.</summary>
    public void Launch(long rows, int columns, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (columns <= MostOfWarp8 && rows >= ManyRows)
            (columns <= MostOfWarp2 ? _warp2 : _warp8).Launch((rows + WarpRows - 1) / WarpRows, Warp * WarpRows, arguments);
        else if (columns <= MostOfBlock)
            _block.Launch(rows, CudaRows.Threads((columns + 3L) / 4), arguments);
        else
            _long.Launch(rows, columns < VeryLong ? KernelFunction.Threads : LongThreads, arguments);
    }
}

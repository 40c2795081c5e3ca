namespace Graft.Kernels.Cuda;

/// <summary>Numbers of float32 rounded to 16 bits, and back.</summary>
internal sealed class CudaRounding(CudaContext context, ComputePrecision precision)
{
    private const string File = "Memory.cu";
    private const int Width = 8; // numbers of a thread, as in Memory.cu

    private readonly KernelFunction _round = new(context, File, NarrowName.Of("round", precision)), _roundPacks = new(context, File, NarrowName.Of("round_packs", precision)),
        _widen = new(context, File, NarrowName.Of("widen", precision)), _widenPacks = new(context, File, NarrowName.Of("widen_packs", precision));

    /// <summary>A rounded copy of x [count], in a block of its own.</summary>
    public CudaScratch Round(DevicePtr<float> x, long count) => CudaScratch.Filled(context, count * sizeof(ushort), y => Round(x, y, count));

    /// <summary>y [count] of 16 bits = beta y + x, to nearest.</summary>
    public void Round(DevicePtr<float> x, nint y, long count, float beta = 0)
    {
        if (count > 0 && CudaPacks.Fit(count, x.Address, y))
            _roundPacks.OverThreads(CudaPacks.Threads(count, Width, 1), x, y, (int)count, beta);
        else
            _round.Over(count, x, y, count, beta);
    }

    /// <summary>y [count] = beta y + x of 16 bits.</summary>
    public void Widen(nint x, DevicePtr<float> y, long count, float beta = 0) => Widen(x, y, y, count, beta);

    /// <summary>y [count] = a + b of 16 bits.</summary>
    public void Add(DevicePtr<float> a, nint b, DevicePtr<float> y, long count) => Widen(b, a, y, count, 1);

    private void Widen(nint x, DevicePtr<float> old, DevicePtr<float> y, long count, float beta)
    {
        if (count > 0 && CudaPacks.Fit(count, x, old.Address, y.Address))
            _widenPacks.OverThreads(CudaPacks.Threads(count, Width, 1), x, old, y, (int)count, beta);
        else
            _widen.Over(count, x, old, y, count, beta);
    }
}

/// <summary>Names of kernels that there are for each type of numbers in memory: those of 16 bits end in it.</summary>
internal static class NarrowName
{
    /// <summary>The kernel for numbers as a precision has them in memory.</summary>
    public static string Of(string kernel, ComputePrecision precision) => precision.IsNarrow() ? $"{kernel}_{precision.Word()}" : kernel;
}

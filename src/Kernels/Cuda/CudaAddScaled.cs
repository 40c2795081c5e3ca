namespace Graft.Kernels.Cuda;

/// <summary>destination [count] = beta destination + factor source.</summary>
internal sealed class CudaAddScaled(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
{
    private const int Unroll = 2; // packs of a thread, as in Memory.cu

    private readonly KernelFunction _packs = new(context, "Memory.cu", NarrowName.Of("add_scaled_packs", stored)), _any = new(context, "Memory.cu", NarrowName.Of("add_scaled", stored));

    /// <summary>Adds; source may be destination.</summary>
    public void Run(DevicePtr<float> source, float factor, DevicePtr<float> destination, float beta, long count)
    {
        if (count == 0)
            return;
        if (CudaPacks.Fit(count, source.Address, destination.Address))
            _packs.OverThreads(CudaPacks.Threads(count, CudaPacks.Width(stored), Unroll), source, factor, destination, beta, (int)count);
        else
            _any.Over(count, source, factor, destination, beta, count);
    }
}

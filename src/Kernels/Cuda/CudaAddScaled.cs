namespace Graft.Kernels.Cuda;

/// <summary>destination [count] = beta destination + factor source.</summary>
internal sealed class CudaAddScaled(CudaContext context)
{
    private const int Unroll = 2; // packs of a thread, as in Memory.cu

    private readonly KernelFunction _packs = new(context, "Memory.cu", "add_scaled_packs"), _any = new(context, "Memory.cu", "add_scaled");

    /// <summary>Adds; source may be destination.</summary>
    public void Run(DevicePtr<float> source, float factor, DevicePtr<float> destination, float beta, long count)
    {
        if (count == 0)
            return;
        if (CudaPacks.Fit(count, source.Address, destination.Address))
            _packs.OverThreads(CudaPacks.Threads(count, CudaPacks.Width(ComputePrecision.Float32), Unroll), source, factor, destination, beta, (int)count);
        else
            _any.Over(count, source, factor, destination, beta, count);
    }
}

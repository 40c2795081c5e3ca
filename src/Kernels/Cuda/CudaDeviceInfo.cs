namespace Graft.Kernels.Cuda;

/// <summary>A GPU, as its driver describes it.</summary>
/// <param name="Index">Number in the order of the driver (CUDA_VISIBLE_DEVICES changes it).</param>
/// <param name="Name">Name for people.</param>
/// <param name="Major">Compute capability before the dot.</param>
/// <param name="Minor">Compute capability behind the dot.</param>
/// <param name="Memory">Bytes of memory.</param>
/// <param name="Multiprocessors">Number of streaming multiprocessors.</param>
public sealed record CudaDeviceInfo(int Index, string Name, int Major, int Minor, long Memory, int Multiprocessors)
{
    /// <summary>The compute capability as one number: 90 for 9.0.</summary>
    public int Capability => Major * 10 + Minor;
}

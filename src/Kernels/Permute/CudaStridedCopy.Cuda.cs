using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Copies between a dense array and one that lies in strides.</summary>
internal sealed class CudaStridedCopy(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
{
    private const string File = "StridedCopy.cu";
    private const int Packs = 2, Numbers = 2; // of a thread, as in StridedCopy.cu

    private readonly Kernels _gather = new(context, "gather", stored), _scatter = new(context, "scatter", stored);
    private readonly int _width = CudaPacks.Width(stored);

    /// <summary>dense [extents] = beta dense + strided.</summary>
    public void Gather(in Axes extents, in Axes strides, DevicePtr<float> strided, DevicePtr<float> dense, float beta) => Run(_gather, extents, strides, strided, dense, beta);

    /// <summary>strided = beta strided + dense [extents]; what lies between is left alone.</summary>
    public void Scatter(in Axes extents, in Axes strides, DevicePtr<float> dense, DevicePtr<float> strided, float beta) => Run(_scatter, extents, strides, dense, strided, beta);

    /// <summary>part [outer,columns] = beta part + the columns of whole [outer,total] from the first on.</summary>
    public void GatherColumns(long outer, long total, long first, long columns, DevicePtr<float> whole, DevicePtr<float> part, float beta) =>
        Gather(new Axes(2, outer, columns), new Axes(2, total, 1), At(whole, first), part, beta);

    /// <summary>The columns of whole [outer,total] from the first on = beta of them + part [outer,columns]; the other columns are left alone.</summary>
    public void ScatterColumns(long outer, long total, long first, long columns, DevicePtr<float> part, DevicePtr<float> whole, float beta) =>
        Scatter(new Axes(2, outer, columns), new Axes(2, total, 1), part, At(whole, first), beta);

    private DevicePtr<float> At(DevicePtr<float> numbers, long index) => new(numbers.Address + (nint)(index * (stored.IsNarrow() ? sizeof(ushort) : sizeof(float))));

    private void Run(in Kernels kernels, in Axes extents, in Axes strides, DevicePtr<float> from, DevicePtr<float> to, float beta)
    {
        long count = extents.Product;
        if (count == 0)
            return;
        if (!CudaWalk.Fits(extents, strides))
        {
            kernels.Long.Over(count, from, to, count, extents, strides, beta);
            return;
        }
        bool packed = LiesInPacks(extents, strides) && CudaPacks.Fit(count, from.Address, to.Address);
        (packed ? kernels.Packs : kernels.Numbers).OverThreads(packed ? CudaPacks.Threads(count, _width, Packs) : CudaPacks.Threads(count, 1, Numbers),
            from, to, (int)count, KernelArgument.Of(CudaWalk.Over(extents)), CudaWalk.Strides(strides), beta);
    }

    /// <summary>True where each pack of the dense array is one of the strided array.</summary>
    private bool LiesInPacks(in Axes extents, in Axes strides)
    {
        int last = extents.Rank - 1;
        if (last < 0 || strides[last] != 1 || extents[last] % _width != 0)
            return false;
        for (int axis = 0; axis < last; axis++)
        {
            if (strides[axis] % _width != 0)
                return false;
        }
        return true;
    }

    private readonly struct Kernels(CudaContext context, string name, ComputePrecision stored)
    {
        public KernelFunction Packs { get; } = new(context, File, NarrowName.Of($"{name}_packs", stored));

        public KernelFunction Numbers { get; } = new(context, File, NarrowName.Of(name, stored));

        public KernelFunction Long { get; } = new(context, File, NarrowName.Of($"{name}_long", stored));
    }
}

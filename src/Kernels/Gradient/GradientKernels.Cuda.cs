using System.Runtime.InteropServices;
using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaGradientKernels(CudaContext context) : GradientKernels
{
    private readonly KernelFunction _squares = new(context, "Gradient.cu", "sums_of_squares");
    private readonly CudaAddScaled _addScaled = new(context);

    public override void SumsOfSquares(ReadOnlySpan<StepTensor> tensors, Span<double> sums)
    {
        long blocks = 0;
        foreach (StepTensor tensor in tensors)
            blocks += StepTable.Blocks(tensor.Count);
        var parts = new double[blocks];
        if (blocks > 0)
        {
            using var result = new CudaScratch(context, blocks * sizeof(double));
            StepTable.Launch(context, _squares, tensors, result.Address);
            context.Transfers.Download(result.Address, MemoryMarshal.AsBytes(parts.AsSpan()));
        }
        int next = 0;
        for (int t = 0; t < tensors.Length; t++)
        {
            sums[t] = 0;
            for (long chunk = StepTable.Blocks(tensors[t].Count); chunk > 0; chunk--)
                sums[t] += parts[next++];
        }
    }

    public override void Scale(DevicePtr<float> g, long count, float factor) => _addScaled.Run(g, factor, g, 0, count);

    public override void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count) =>
        _addScaled.Run(source, factor, destination, 1, count);
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>The tensors of a step as a table on the GPU: one launch moves them all, however many there are. A block works on a chunk of one tensor.</summary>
internal static class StepTable
{
    private const int Chunk = 4096; // numbers of a block, as in Common.cuh

    /// <summary>Launches a kernel whose first two arguments are the table and the number of its entries.</summary>
    public static void Launch(CudaContext context, KernelFunction kernel, ReadOnlySpan<StepTensor> tensors, params ReadOnlySpan<KernelArgument> more)
    {
        StepEntry[] entries = Entries(tensors, out long blocks);
        if (blocks == 0)
            return;
        using var table = new CudaScratch(context, (long)entries.Length * Unsafe.SizeOf<StepEntry>());
        context.Transfers.Upload(MemoryMarshal.AsBytes<StepEntry>(entries), table.Address);
        kernel.Launch(blocks, KernelFunction.Threads, [table.Address, entries.Length, .. more]);
    }

    /// <summary>The tensors that have numbers, each with its first block.</summary>
    public static StepEntry[] Entries(ReadOnlySpan<StepTensor> tensors, out long blocks)
    {
        var entries = new List<StepEntry>(tensors.Length);
        blocks = 0;
        foreach (StepTensor tensor in tensors)
        {
            if (tensor.Count == 0)
                continue;
            entries.Add(new StepEntry(tensor.Count, tensor.W, tensor.G, tensor.A, tensor.B, tensor.C, tensor.Factor, tensor.Limit, blocks));
            blocks += Blocks(tensor.Count);
        }
        return [.. entries];
    }

    /// <summary>Blocks that work on a tensor.</summary>
    public static long Blocks(long count) => (count + Chunk - 1) / Chunk;
}

/// <summary>A row of the table, laid out as StepEntry of Common.cuh: a <see cref="StepTensor"/> whose gradient is in memory.</summary>
/// <param name="Count">Numbers in each array.</param>
/// <param name="W">The weights.</param>
/// <param name="G">Their gradient.</param>
/// <param name="A">The first slot.</param>
/// <param name="B">The second.</param>
/// <param name="C">The third.</param>
/// <param name="Factor">On the gradient.</param>
/// <param name="Limit">Of the gradient, after that.</param>
/// <param name="FirstBlock">The first block that works on it.</param>
internal readonly record struct StepEntry(long Count, DevicePtr<float> W, DevicePtr<float> G, DevicePtr<float> A, DevicePtr<float> B, DevicePtr<float> C,
    float Factor, float Limit, long FirstBlock);

using System.Runtime.InteropServices;
using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaEmbeddingKernels(CudaContext context, MemoryKernels memory) : EmbeddingKernels
{
    private const int Columns = 256; // of a block, as in Embedding.cu
    private const int SearchThreads = 1024; // one block looks through all ids

    private readonly KernelFunction _toIds = new(context, "Embedding.cu", "to_ids"), _firstInvalid = new(context, "Embedding.cu", "first_invalid"),
        _forward = new(context, "Embedding.cu", "embedding_forward"), _backward = new(context, "Embedding.cu", "embedding_backward");

    /// <inheritdoc/>
    /// <remarks>Waits for the GPU: the answer is the host's.</remarks>
    public override int FirstInvalid(in EmbeddingGeometry g, DevicePtr<int> ids)
    {
        if (g.Count == 0)
            return -1;
        using var found = new CudaScratch(context, sizeof(int));
        _firstInvalid.Launch(1, SearchThreads, ids.Address, found.Address, g.Count, g.V);
        int first = 0;
        context.Transfers.Download(found.Address, MemoryMarshal.AsBytes(new Span<int>(ref first)));
        return first == g.Count ? -1 : first;
    }

    public override void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids) => _toIds.Over(count, x, ids.Address, (long)count);

    public override void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y) =>
        _forward.Launch(g.Count, CudaRows.Threads(g.C), ids.Address, table, y, g.C);

    public override void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta)
    {
        if (beta == 0)
            memory.Fill(dtable, (long)g.V * g.C, 0);
        _backward.Launch(g.Count, (g.C + Columns - 1) / Columns, Columns, 1, ids.Address, dy, dtable, g.Count, g.C, beta);
    }
}

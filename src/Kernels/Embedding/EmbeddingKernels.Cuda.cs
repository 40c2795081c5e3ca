using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaEmbeddingKernels(CudaContext context, MemoryKernels memory) : EmbeddingKernels
{
    private const int Threads = 256, Pack = 4, Unroll = 2; // of a block, numbers and packs of a thread, as in Embedding.cu
    private const int SearchThreads = 1024; // one block looks through all ids

    private readonly KernelFunction _toIds = new(context, "Embedding.cu", "to_ids"), _firstInvalid = new(context, "Embedding.cu", "first_invalid"),
        _forward = new(context, "Embedding.cu", "embedding_forward"), _forwardPacks = new(context, "Embedding.cu", "embedding_forward_packs"),
        _backward = new(context, "Embedding.cu", "embedding_backward"), _backwardPacks = new(context, "Embedding.cu", "embedding_backward_packs"),
        _sum = new(context, "Embedding.cu", "embedding_sum");

    public override void Check(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<int> given, Func<int, int, Exception> invalid)
    {
        if (g.Count == 0)
            return;
        using var answer = new CudaScratch(context, CudaChecks.AnswerBytes);
        _firstInvalid.Launch(1, SearchThreads, ids.Address, given.Address, answer.Address, g.Count, g.V);
        context.Checks.Ask(answer.Address, invalid);
    }

    public override void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids) => _toIds.Over(count, x, ids.Address, (long)count);

    public override void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y)
    {
        int most = Math.Max(1, CudaWalk.Most / Math.Max(1, g.C)); // positions of one launch, so few that 32 bits count their numbers
        for (int first = 0; first < g.Count && g.C > 0; first += most)
        {
            int count = Math.Min(most, g.Count - first) * g.C;
            DevicePtr<float> to = y.At((long)first * g.C);
            bool packed = g.C % Pack == 0 && CudaPacks.Fit(count, table.Address, to.Address);
            (packed ? _forwardPacks : _forward).OverThreads(CudaPacks.Threads(count, packed ? Pack : 1, Unroll), ids.At(first).Address, table, to, count, KernelArgument.Of(CudaWalk.Divisor.Of(g.C)), g.V);
        }
    }

    public override bool ForwardSum(
        in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<int> places, DevicePtr<float> positions, int positionCount, DevicePtr<float> y)
    {
        _sum.Launch(g.Count, CudaRows.Threads(g.C), ids.Address, table, places.Address, positions, y, g.C, g.V, positionCount);
        return true;
    }

    public override void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta)
    {
        if (beta == 0)
            memory.Fill(dtable, (long)g.V * g.C, 0);
        bool packed = g.C % Pack == 0 && CudaPacks.Fit(0, dy.Address, dtable.Address);
        int columns = packed ? Threads * Pack : Threads;
        (packed ? _backwardPacks : _backward).Launch(g.Count, (g.C + columns - 1) / columns, Threads, 1, ids.Address, dy, dtable, g.Count, g.C, g.V, beta);
    }
}

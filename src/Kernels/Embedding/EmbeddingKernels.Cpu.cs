using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuEmbeddingKernels : EmbeddingKernels
{
    public override void Check(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<int> given, Func<int, int, Exception> invalid)
    {
        int index = new ReadOnlySpan<int>(ids.Pointer, g.Count).IndexOfAnyExceptInRange(0, g.V - 1);
        if (index >= 0)
            throw invalid(index, given.Pointer[index]);
    }

    public override void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids)
    {
        for (int i = 0; i < count; i++) // few beside the rows that they name
        {
            int id = (int)x.Pointer[i];
            ids.Pointer[i] = id == x.Pointer[i] ? id : -1;
        }
    }

    public override void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y) =>
        RowBlocks.For(g.Count, g.C, new Lookup { C = g.C, Ids = ids.Pointer, Table = table.Pointer, Y = y.Pointer });

    public override void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta)
    {
        var body = new Scatter { G = g, Ids = ids.Pointer, Dy = dy.Pointer, Table = dtable.Pointer, Beta = beta };
        WorkerPool.For(Scatter.Chunks, ref body);
    }

    private struct Lookup : IRowWork
    {
        public int C;
        public int* Ids;
        public float* Table, Y;

        public readonly void Row(long row) => Cpu.Row.Store(Table + (long)Ids[row] * C, Y + row * C, C, 0);
    }

    /// <summary>A chunk owns a range of table rows and reads all ids in order: the sums have one order, whatever the threads.</summary>
    private struct Scatter : IChunkBody
    {
        public const int Chunks = 32;
        public EmbeddingGeometry G;
        public int* Ids;
        public float* Dy, Table;
        public float Beta;

        public readonly void Run(int chunk)
        {
            int from = (int)((long)G.V * chunk / Chunks), end = (int)((long)G.V * (chunk + 1) / Chunks);
            for (long v = from; v < end; v++)
                Row.Begin(Table + v * G.C, G.C, Beta);
            for (long i = 0; i < G.Count; i++)
            {
                if (Ids[i] >= from && Ids[i] < end)
                    Row.AddScaled(Dy + i * G.C, 1, Table + (long)Ids[i] * G.C, G.C);
            }
        }
    }
}

namespace Graft.Kernels;

internal sealed unsafe class ReferenceEmbeddingKernels : EmbeddingKernels
{
    public override void Check(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<int> given, Func<int, int, Exception> invalid)
    {
        for (int i = 0; i < g.Count; i++)
        {
            if (ids.Pointer[i] < 0 || ids.Pointer[i] >= g.V)
                throw invalid(i, given.Pointer[i]);
        }
    }

    public override void ToIds(int count, DevicePtr<float> x, DevicePtr<int> ids)
    {
        for (int i = 0; i < count; i++)
            ids.Pointer[i] = x.Pointer[i] is >= 0 and < int.MaxValue and float v && v == MathF.Floor(v) ? (int)v : -1;
    }

    public override void Forward(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> table, DevicePtr<float> y)
    {
        for (long i = 0; i < g.Count; i++)
        {
            for (int c = 0; c < g.C; c++)
                y.Pointer[i * g.C + c] = table.Pointer[(long)ids.Pointer[i] * g.C + c];
        }
    }

    public override void BackwardTable(in EmbeddingGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dtable, float beta)
    {
        var sums = new double[g.C];
        for (int v = 0; v < g.V; v++)
        {
            Array.Clear(sums);
            for (long i = 0; i < g.Count; i++)
            {
                for (int c = 0; ids.Pointer[i] == v && c < g.C; c++)
                    sums[c] += dy.Pointer[i * g.C + c];
            }
            for (int c = 0; c < g.C; c++)
                BetaStore.Store(ref dtable.Pointer[(long)v * g.C + c], sums[c], beta);
        }
    }
}

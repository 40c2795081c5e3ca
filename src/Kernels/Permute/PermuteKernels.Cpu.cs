using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Rows of the innermost output axis side by side: each is a strided run of the input.</summary>
internal sealed unsafe class CpuPermuteKernels : PermuteKernels
{
    public override void Forward(in PermuteGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        Run(g, new Rows { Strided = x.Pointer, Dense = y.Pointer, Gather = true });

    public override void BackwardInput(in PermuteGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        Run(g, new Rows { Strided = dx.Pointer, Dense = dy.Pointer, Beta = beta });

    private static void Run(in PermuteGeometry g, Rows rows)
    {
        int rank = g.Extents.Rank;
        rows.G = g;
        rows.Length = rank == 0 ? 1 : g.Extents[rank - 1];
        rows.Step = rank == 0 ? 1 : g.Strides[rank - 1];
        if (rows.Length > 0)
            RowBlocks.For(g.Extents.Product / rows.Length, rows.Length, rows);
    }

    private struct Rows : IRowWork
    {
        public PermuteGeometry G;
        public float* Strided, Dense;
        public long Length, Step;
        public bool Gather;
        public float Beta;

        public readonly void Row(long row)
        {
            float* strided = Strided + G.Extents.Offset(row * Length, G.Strides), dense = Dense + row * Length;
            for (long i = 0; i < Length; i++)
            {
                if (Gather)
                    dense[i] = strided[i * Step];
                else
                    strided[i * Step] = Beta == 0 ? dense[i] : Beta * strided[i * Step] + dense[i];
            }
        }
    }
}

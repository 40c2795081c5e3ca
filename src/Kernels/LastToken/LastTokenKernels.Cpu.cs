using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>A sequence at a time.</summary>
internal sealed unsafe class CpuLastTokenKernels : LastTokenKernels
{
    public override void Forward(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For(g.N, g.T + g.C, new Take { G = g, Ids = ids.Pointer, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.N, (long)g.T * g.C, new Put { G = g, Ids = ids.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private static int Last(in LastTokenGeometry g, int* ids) => Math.Max(0, new ReadOnlySpan<int>(ids, g.T).LastIndexOfAnyExcept(g.Padding));

    private struct Take : IRowWork
    {
        public LastTokenGeometry G;
        public int* Ids;
        public float* X, Y;

        public readonly void Row(long n) => Cpu.Row.Store(X + (n * G.T + Last(G, Ids + n * G.T)) * G.C, Y + n * G.C, G.C, 0);
    }

    private struct Put : IRowWork
    {
        public LastTokenGeometry G;
        public int* Ids;
        public float* Dy, Dx;
        public float Beta;

        public readonly void Row(long n)
        {
            float* dx = Dx + n * G.T * G.C;
            Cpu.Row.Begin(dx, G.T * G.C, Beta);
            Cpu.Row.AddScaled(Dy + n * G.C, 1, dx + (long)Last(G, Ids + n * G.T) * G.C, G.C);
        }
    }
}

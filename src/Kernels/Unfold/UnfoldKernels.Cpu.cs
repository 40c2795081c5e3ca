using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>A row is all that has one sample and one position along the axis; lanes hold neighbouring channels. Each row is written by one thread.</summary>
internal sealed unsafe class CpuUnfoldKernels : UnfoldKernels
{
    public override void Unfold(in UnfoldGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta) =>
        RowBlocks.For((long)g.N * g.P, (long)g.M * g.S * g.C, new WindowRow { G = g, X = x.Pointer, Y = y.Pointer, Beta = beta });

    public override void Fold(in UnfoldGeometry g, DevicePtr<float> y, DevicePtr<float> x, float beta) =>
        RowBlocks.For((long)g.N * g.T, (long)g.M * g.S * g.C, new PositionRow { G = g, X = x.Pointer, Y = y.Pointer, Beta = beta });

    private struct WindowRow : IRowWork
    {
        public UnfoldGeometry G;
        public float* X, Y;
        public float Beta;

        public readonly void Row(long row)
        {
            int p = (int)(row % G.P);
            for (int s = 0; s < G.S; s++)
            {
                int t = G.Position(p, s);
                float* x = X + (row / G.P * G.T + t) * G.M * G.C, y = Y + (row * G.M * G.S + s) * G.C;
                for (int m = 0; m < G.M; m++, x += G.C, y += G.S * G.C)
                {
                    if (t >= 0 && t < G.T)
                        Cpu.Row.Store(x, y, G.C, Beta);
                    else
                        Cpu.Row.Begin(y, G.C, Beta);
                }
            }
        }
    }

    private struct PositionRow : IRowWork
    {
        public UnfoldGeometry G;
        public float* X, Y;
        public float Beta;

        public readonly void Row(long row)
        {
            int t = (int)(row % G.T);
            float* x = X + row * G.M * G.C;
            Cpu.Row.Begin(x, G.M * G.C, Beta);
            for (int s = 0; s < G.S; s++)
            {
                int p = G.Window(t, s);
                if (p < 0)
                    continue;
                float* y = Y + ((row / G.T * G.P + p) * G.M * G.S + s) * G.C;
                for (int m = 0; m < G.M; m++, y += G.S * G.C)
                    Cpu.Row.AddScaled(y, 1, x + m * G.C, G.C);
            }
        }
    }
}

using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Rows of images in parallel; lanes hold neighbouring channels.</summary>
internal sealed unsafe class CpuUpsample2DKernels : Upsample2DKernels
{
    public override void Forward(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For((long)g.N * g.OutH, (long)g.OutW * g.C, new Enlarge { G = g, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in Upsample2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((long)g.N * g.H, (long)g.W * g.C * g.FactorH * g.FactorW, new Gather { G = g, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct Enlarge : IRowWork
    {
        public Upsample2DGeometry G;
        public float* X, Y;

        public readonly void Row(long row)
        {
            UpsampleSource source = G.Row((int)(row % G.OutH));
            long image = row / G.OutH * G.H, stride = (long)G.W * G.C;
            float* above = X + (image + source.Low) * stride, below = X + (image + source.High) * stride, y = Y + row * G.OutW * G.C;
            for (int q = 0; q < G.OutW; q++, y += G.C)
            {
                UpsampleSource column = G.Column(q);
                if (source.Share == 0 && column.Share == 0)
                {
                    Cpu.Row.Store(above + (long)column.Low * G.C, y, G.C, 0);
                    continue;
                }
                Cpu.Row.Begin(y, G.C, 0);
                Add(above, column, 1 - source.Share, y);
                Add(below, column, source.Share, y);
            }
        }

        private readonly void Add(float* x, UpsampleSource column, float share, float* y)
        {
            if (share == 0)
                return;
            Cpu.Row.AddScaled(x + (long)column.Low * G.C, share * (1 - column.Share), y, G.C);
            if (column.Share != 0)
                Cpu.Row.AddScaled(x + (long)column.High * G.C, share * column.Share, y, G.C);
        }
    }

    /// <summary>Each input row adds up what its readers hand back, so that no two threads write one place.</summary>
    private struct Gather : IRowWork
    {
        public Upsample2DGeometry G;
        public float* Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            int h = (int)(row % G.H);
            float* image = Dy + row / G.H * G.OutH * G.OutW * G.C, dx = Dx + row * G.W * G.C;
            Cpu.Row.Begin(dx, G.W * G.C, Beta);
            (int first, int end) = UpsampleSource.Readers(G.Kind, h, G.FactorH, G.H);
            for (int p = first; p < end; p++)
            {
                float share = G.Row(p).ShareOf(h);
                if (share != 0)
                    AddRow(image + (long)p * G.OutW * G.C, share, dx);
            }
        }

        private readonly void AddRow(float* dy, float share, float* dx)
        {
            for (int q = 0; q < G.OutW; q++, dy += G.C)
            {
                UpsampleSource column = G.Column(q);
                Cpu.Row.AddScaled(dy, share * (1 - column.Share), dx + (long)column.Low * G.C, G.C);
                if (column.Share != 0)
                    Cpu.Row.AddScaled(dy, share * column.Share, dx + (long)column.High * G.C, G.C);
            }
        }
    }
}

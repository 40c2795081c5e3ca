using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Forward: rows of the output side by side. Backward: images side by side, as any output pixel may fall on any pixel of its image.</summary>
internal sealed unsafe class CpuWarp2DKernels : Warp2DKernels
{
    public override void Forward(in Warp2DGeometry g, DevicePtr<float> x, DevicePtr<float> m, DevicePtr<float> y) =>
        RowBlocks.For((long)g.N * g.OutH, 16L * g.OutW + (long)g.OutW * g.C, new Gather { G = g, X = x.Pointer, M = m.Pointer, Y = y.Pointer });

    public override void BackwardInput(in Warp2DGeometry g, DevicePtr<float> m, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.N, (long)g.OutH * g.OutW * (16 + g.C), new Scatter { G = g, M = m.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct Gather : IRowWork
    {
        public Warp2DGeometry G;
        public float* X, M, Y;

        public readonly void Row(long row)
        {
            Span<(int Y, int X, float Share)> places = stackalloc (int, int, float)[4];
            var m = new ReadOnlySpan<float>(M + row / G.OutH * 6, 6);
            float* image = X + row / G.OutH * G.H * G.W * G.C, y = Y + row * G.OutW * G.C;
            for (int q = 0; q < G.OutW; q++, y += G.C)
            {
                int count = G.Sources(m, (int)(row % G.OutH), q, places);
                Cpu.Row.Begin(y, G.C, 0);
                foreach ((int h, int w, float share) in places[..count])
                {
                    if (G.IsInside(h, w))
                        Cpu.Row.AddScaled(image + ((long)h * G.W + w) * G.C, share, y, G.C);
                    for (int c = 0; c < G.C && !G.IsInside(h, w); c++)
                        y[c] += share * G.FillValue;
                }
            }
        }
    }

    private struct Scatter : IRowWork
    {
        public Warp2DGeometry G;
        public float* M, Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            Span<(int Y, int X, float Share)> places = stackalloc (int, int, float)[4];
            var m = new ReadOnlySpan<float>(M + row * 6, 6);
            float* image = Dx + row * G.H * G.W * G.C, dy = Dy + row * G.OutH * G.OutW * G.C;
            Cpu.Row.Begin(image, G.H * G.W * G.C, Beta);
            for (int i = 0; i < G.OutH * G.OutW; i++, dy += G.C)
            {
                int count = G.Sources(m, i / G.OutW, i % G.OutW, places);
                foreach ((int h, int w, float share) in places[..count])
                {
                    if (G.IsInside(h, w))
                        Cpu.Row.AddScaled(dy, share, image + ((long)h * G.W + w) * G.C, G.C);
                }
            }
        }
    }
}

using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuPad2DKernels : Pad2DKernels
{
    public override void Forward(in Pad2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For((long)g.N * g.OutH, (long)g.OutW * g.C, new PadRow { G = g, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in Pad2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((long)g.N * g.H, (long)g.W * g.C, new CutRow { G = g, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct PadRow : IRowWork
    {
        public Pad2DGeometry G;
        public float* X, Y;

        public readonly void Row(long row)
        {
            var to = new Span<float>(Y + row * G.OutW * G.C, G.OutW * G.C);
            int h = (int)(row % G.OutH) - G.Padding.Top, left = G.Padding.Left * G.C, width = G.W * G.C;
            if (h < 0 || h >= G.H)
            {
                to.Clear();
                return;
            }
            to[..left].Clear();
            new ReadOnlySpan<float>(X + (row / G.OutH * G.H + h) * width, width).CopyTo(to[left..]);
            to[(left + width)..].Clear();
        }
    }

    private struct CutRow : IRowWork
    {
        public Pad2DGeometry G;
        public float* Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            long from = (row / G.H * G.OutH + row % G.H + G.Padding.Top) * G.OutW + G.Padding.Left;
            Cpu.Row.Store(Dy + from * G.C, Dx + row * G.W * G.C, G.W * G.C, Beta);
        }
    }
}

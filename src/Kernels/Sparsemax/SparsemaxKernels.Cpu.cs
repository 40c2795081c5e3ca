using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>The reference's rows side by side: sorting is what takes the time.</summary>
internal sealed unsafe class CpuSparsemaxKernels : SparsemaxKernels
{
    public override void Forward(in SparsemaxGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For(g.Rows, 16L * g.C, new ForwardRow { C = g.C, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in SparsemaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.Rows, 2L * g.C, new GradientRow { C = g.C, Y = y.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct ForwardRow : IRowWork
    {
        public int C;
        public float* X, Y;

        public readonly void Row(long row)
        {
            var sorted = new Span<float>(Scratch.Rent(ScratchSlot.Partial, C), C);
            ReferenceSparsemaxKernels.Row(new ReadOnlySpan<float>(X + row * C, C), sorted, new Span<float>(Y + row * C, C));
        }
    }

    private struct GradientRow : IRowWork
    {
        public int C;
        public float* Y, Dy, Dx;
        public float Beta;

        public readonly void Row(long row) => ReferenceSparsemaxKernels.BackwardRow(C, Y + row * C, Dy + row * C, Dx + row * C, Beta);
    }
}

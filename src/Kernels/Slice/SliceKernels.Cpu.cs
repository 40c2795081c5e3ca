using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One contiguous run for each outer row.</summary>
internal sealed unsafe class CpuSliceKernels : SliceKernels
{
    public override void Forward(in SliceGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For(g.Outer, g.Part, new RunCopy { From = x.Pointer + g.Offset, FromStep = g.Total, To = y.Pointer, ToStep = g.Part, Count = g.Part });

    public override void BackwardInput(in SliceGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.Outer, g.Total, new Scatter { G = g, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    /// <summary>What was not sliced has gradient 0.</summary>
    private struct Scatter : IRowWork
    {
        public SliceGeometry G;
        public float* Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            float* dx = Dx + row * G.Total, dy = Dy + row * G.Part;
            for (long i = 0; i < G.Total; i++)
            {
                float d = i >= G.Offset && i < G.Offset + G.Part ? dy[i - G.Offset] : 0;
                dx[i] = Beta == 0 ? d : Beta * dx[i] + d;
            }
        }
    }
}

using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One contiguous run for each outer row.</summary>
internal sealed unsafe class CpuConcatKernels : ConcatKernels
{
    public override void Forward(in ConcatGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For(g.Outer, g.Part, new RunCopy { From = x.Pointer, FromStep = g.Part, To = y.Pointer + g.Offset, ToStep = g.Total, Count = g.Part });

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.Outer, g.Part, new RunCopy { From = dy.Pointer + g.Offset, FromStep = g.Total, To = dx.Pointer, ToStep = g.Part, Count = g.Part, Beta = beta });
}

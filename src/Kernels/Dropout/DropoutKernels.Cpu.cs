using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>One Philox block for four elements, blocks side by side.</summary>
internal sealed unsafe class CpuDropoutKernels : DropoutKernels
{
    public override void Forward(in DropoutGeometry g, DevicePtr<float> x, DevicePtr<float> y) => BackwardInput(g, x, y, 0);

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((g.Count + 3) / 4, 16, new Fours { G = g, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct Fours : IRowWork
    {
        public DropoutGeometry G;
        public float* Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            uint* words = stackalloc uint[4];
            (words[0], words[1], words[2], words[3]) = Philox.Block(G.Seed, row);
            long first = row * 4, end = Math.Min(G.Count, first + 4);
            for (long i = first; i < end; i++)
            {
                float d = Philox.Unit(words[i - first]) >= G.Rate ? Dy[i] * G.Scale : 0;
                Dx[i] = Beta == 0 ? d : Beta * Dx[i] + d;
            }
        }
    }
}

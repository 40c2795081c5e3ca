using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPad2DKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : Pad2DKernels
{
    private const string File = "Pad2D.cu";
    private const int Unroll = 2; // packs of a thread, as in Pad2D.cu

    private readonly KernelFunction _forward = new(context, File, NarrowName.Of("pad2d_forward", stored)), _forwardPacks = new(context, File, NarrowName.Of("pad2d_forward_packs", stored)),
        _backward = new(context, File, NarrowName.Of("pad2d_backward", stored)), _backwardPacks = new(context, File, NarrowName.Of("pad2d_backward_packs", stored));

    private readonly int _size = stored.IsNarrow() ? sizeof(ushort) : sizeof(float);

    public override void Forward(in Pad2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        int width = CudaPacks.Width(stored), images = Images(g);
        for (int first = 0; first < g.N; first += images)
        {
            (nint from, nint to) = (x.Address + (nint)(first * Input(g) * _size), y.Address + (nint)(first * Output(g) * _size));
            long count = Math.Min(images, g.N - first) * Output(g);
            bool packed = LiesInPacks(g, width) && CudaPacks.Fit(count, from, to);
            (packed ? _forwardPacks : _forward).OverThreads(Threads(count, packed ? width : 1), from, to, (int)count, FrameOf(g), CudaWalk.Pixels(g.OutH, (long)g.OutW * g.C));
        }
    }

    public override void BackwardInput(in Pad2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        int width = CudaPacks.Width(stored), images = Images(g);
        for (int first = 0; first < g.N; first += images)
        {
            (nint from, nint to) = (dy.Address + (nint)(first * Output(g) * _size), dx.Address + (nint)(first * Input(g) * _size));
            long count = Math.Min(images, g.N - first) * Input(g);
            bool packed = LiesInPacks(g, width) && CudaPacks.Fit(count, from, to);
            (packed ? _backwardPacks : _backward).OverThreads(Threads(count, packed ? width : 1), from, to, (int)count, FrameOf(g), CudaWalk.Pixels(g.H, (long)g.W * g.C), beta);
        }
    }

    private static long Input(in Pad2DGeometry g) => (long)g.H * g.W * g.C;

    private static long Output(in Pad2DGeometry g) => (long)g.OutH * g.OutW * g.C;

    /// <summary>Images of one launch, so few that 32 bits count their numbers.</summary>
    private static int Images(in Pad2DGeometry g) => (int)Math.Clamp(CudaWalk.Most / Math.Max(1, Output(g)), 1, Math.Max(1, g.N));

    private static long Threads(long count, int width) => count == 0 ? 0 : CudaPacks.Threads(count, width, Unroll);

    private static bool LiesInPacks(in Pad2DGeometry g, int width) =>
        (long)g.W * g.C % width == 0 && (long)g.Padding.Left * g.C % width == 0 && (long)g.OutW * g.C % width == 0;

    private static KernelArgument FrameOf(in Pad2DGeometry g) => KernelArgument.Of(new Frame(g.H, g.W * g.C, g.OutH, g.OutW * g.C, g.Padding.Top, g.Padding.Left * g.C));

    /// <summary>Laid out as Frame of Pad2D.cu.</summary>
    private readonly record struct Frame(int H, int Row, int OutH, int OutRow, int Top, int Left);
}

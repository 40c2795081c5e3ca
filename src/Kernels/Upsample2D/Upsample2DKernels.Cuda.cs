using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUpsample2DKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : Upsample2DKernels
{
    private const string File = "Upsample2D.cu";

    private readonly int _pack = CudaPacks.Width(stored), _size = stored.IsNarrow() ? sizeof(ushort) : sizeof(float); // channels of a thread, as in Upsample2D.cu, and bytes of each
    private readonly KernelFunction _forward = new(context, File, NarrowName.Of("upsample2d_forward", stored)), _forwardPacks = new(context, File, NarrowName.Of("upsample2d_forward_packs", stored)),
        _backward = new(context, File, NarrowName.Of("upsample2d_backward", stored)), _backwardPacks = new(context, File, NarrowName.Of("upsample2d_backward_packs", stored));

    public override void Forward(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        int images = Images(g);
        for (int first = 0; first < g.N; first += images)
        {
            (DevicePtr<float> from, DevicePtr<float> to) = (Image(x, first * Input(g)), Image(y, first * Output(g)));
            int pack = Width(g, from, to);
            long threads = Math.Min(images, g.N - first) * Output(g) / pack;
            (pack == 1 ? _forward : _forwardPacks).OverThreads(threads, from, to, (int)threads, Bilinear(g), g.H, g.W, g.C, g.FactorH, g.FactorW, Places(g.C / pack, g.OutH, g.OutW));
        }
    }

    public override void BackwardInput(in Upsample2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        int images = Images(g);
        for (int first = 0; first < g.N; first += images)
        {
            (DevicePtr<float> from, DevicePtr<float> to) = (Image(dy, first * Output(g)), Image(dx, first * Input(g)));
            int pack = Width(g, from, to);
            long threads = Math.Min(images, g.N - first) * Input(g) / pack;
            (pack == 1 ? _backward : _backwardPacks).OverThreads(threads, from, to, (int)threads, Bilinear(g), g.H, g.W, g.C, g.FactorH, g.FactorW, Places(g.C / pack, g.H, g.W), beta);
        }
    }

    private static int Bilinear(in Upsample2DGeometry g) => g.Kind == UpsampleKind.Bilinear ? 1 : 0;

    private static long Input(in Upsample2DGeometry g) => (long)g.H * g.W * g.C;

    private static long Output(in Upsample2DGeometry g) => (long)g.OutH * g.OutW * g.C;

    /// <summary>Images of one launch, so few that 32 bits count their numbers.</summary>
    private static int Images(in Upsample2DGeometry g) => (int)Math.Clamp(CudaWalk.Most / Math.Max(1, Output(g)), 1, Math.Max(1, g.N));

    private int Width(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) => g.C % _pack == 0 && CudaPacks.Fit(0, x.Address, y.Address) ? _pack : 1;

    private DevicePtr<float> Image(DevicePtr<float> images, long numbers) => new(images.Address + (nint)(numbers * _size));

    private static KernelArgument Places(int packs, int height, int width) =>
        KernelArgument.Of(new Divisors(CudaWalk.Divisor.Of(packs), CudaWalk.Divisor.Of(height), CudaWalk.Divisor.Of(width)));

    /// <summary>Laid out as Places of Upsample2D.cu.</summary>
    private readonly record struct Divisors(CudaWalk.Divisor Packs, CudaWalk.Divisor Height, CudaWalk.Divisor Width);
}

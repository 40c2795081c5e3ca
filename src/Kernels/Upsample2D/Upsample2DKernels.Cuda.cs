using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUpsample2DKernels(CudaContext context) : Upsample2DKernels
{
    private const string File = "Upsample2D.cu";
    private const int Pack = 4; // channels of a thread, as in Upsample2D.cu

    private readonly KernelFunction _forward = new(context, File, "upsample2d_forward"), _forwardPacks = new(context, File, "upsample2d_forward_packs"),
        _backward = new(context, File, "upsample2d_backward"), _backwardPacks = new(context, File, "upsample2d_backward_packs");

    public override void Forward(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        int images = Images(g);
        for (int first = 0; first < g.N; first += images)
        {
            (DevicePtr<float> from, DevicePtr<float> to) = (x.At(first * Input(g)), y.At(first * Output(g)));
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
            (DevicePtr<float> from, DevicePtr<float> to) = (dy.At(first * Output(g)), dx.At(first * Input(g)));
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

    private static int Width(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) => g.C % Pack == 0 && CudaPacks.Fit(0, x.Address, y.Address) ? Pack : 1;

    private static KernelArgument Places(int packs, int height, int width) =>
        KernelArgument.Of(new Divisors(CudaWalk.Divisor.Of(packs), CudaWalk.Divisor.Of(height), CudaWalk.Divisor.Of(width)));

    /// <summary>Laid out as Places of Upsample2D.cu.</summary>
    private readonly record struct Divisors(CudaWalk.Divisor Packs, CudaWalk.Divisor Height, CudaWalk.Divisor Width);
}

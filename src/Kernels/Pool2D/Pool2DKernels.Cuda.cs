using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPool2DKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : Pool2DKernels
{
    private const int Pack = 4; // channels of a thread, as in Pool2D.cu

    private readonly Variants _maxForward = new(context, "max_pool2d_forward", stored, hasWindows: true), _maxBackward = new(context, "max_pool2d_backward", stored, hasWindows: true),
        _averageForward = new(context, "average_pool2d_forward", stored, hasWindows: false), _averageBackward = new(context, "average_pool2d_backward", stored, hasWindows: false);

    private readonly int _size = stored.IsNarrow() ? sizeof(ushort) : sizeof(float);

    public override void MaxForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<int> winners)
    {
        for (Part part = Part.First(g); part.Images > 0; part = part.Next(g))
        {
            (nint from, nint to, nint won) = (part.Input(g, x.Address, _size), part.Output(g, y.Address, _size), part.Output(g, winners.Address, sizeof(int)));
            int pack = Width(g, Fit(from, _size) && Fit(to, _size) && Fit(won, sizeof(int)));
            long threads = part.Outputs(g) / pack;
            _maxForward.For(g, pack).OverThreads(threads, from, to, won, (int)threads, Sizes(g), Places(g.C / pack, g.OutH, g.OutW));
        }
    }

    public override void MaxBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<int> winners, DevicePtr<float> dx, float beta)
    {
        for (Part part = Part.First(g); part.Images > 0; part = part.Next(g))
        {
            (nint from, nint won, nint to) = (part.Output(g, dy.Address, _size), part.Output(g, winners.Address, sizeof(int)), part.Input(g, dx.Address, _size));
            int pack = Width(g, Fit(from, _size) && Fit(won, sizeof(int)) && Fit(to, _size));
            long threads = part.Inputs(g) / pack;
            _maxBackward.For(g, pack).OverThreads(threads, from, won, to, (int)threads, Sizes(g), Places(g.C / pack, g.H, g.W), beta);
        }
    }

    public override void AverageForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (Part part = Part.First(g); part.Images > 0; part = part.Next(g))
        {
            (nint from, nint to) = (part.Input(g, x.Address, _size), part.Output(g, y.Address, _size));
            int pack = Width(g, Fit(from, _size) && Fit(to, _size));
            long threads = part.Outputs(g) / pack;
            _averageForward.For(g, pack).OverThreads(threads, from, to, (int)threads, Sizes(g), Places(g.C / pack, g.OutH, g.OutW));
        }
    }

    public override void AverageBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (Part part = Part.First(g); part.Images > 0; part = part.Next(g))
        {
            (nint from, nint to) = (part.Output(g, dy.Address, _size), part.Input(g, dx.Address, _size));
            int pack = Width(g, Fit(from, _size) && Fit(to, _size));
            long threads = part.Inputs(g) / pack;
            _averageBackward.For(g, pack).OverThreads(threads, from, to, (int)threads, Sizes(g), Places(g.C / pack, g.H, g.W), beta);
        }
    }

    private static bool Fit(nint address, int size) => address % (Pack * size) == 0;

    private static int Width(in Pool2DGeometry g, bool fit) => fit && g.C % Pack == 0 ? Pack : 1;

    private static KernelArgument Sizes(in Pool2DGeometry g) => KernelArgument.Of(
        new Pooling(g.H, g.W, g.C, g.R, g.S, g.StrideH, g.StrideW, g.Padding.Top, g.Padding.Left, g.OutH, g.OutW, g.CountPadding ? 1 : 0));

    private static KernelArgument Places(int packs, int height, int width) =>
        KernelArgument.Of(new Divisors(CudaWalk.Divisor.Of(packs), CudaWalk.Divisor.Of(height), CudaWalk.Divisor.Of(width)));

    /// <summary>Laid out as Pooling of Pool2D.cu.</summary>
    private readonly record struct Pooling(int H, int W, int C, int R, int S, int StrideH, int StrideW, int Top, int Left, int OutH, int OutW, int CountPadding);

    /// <summary>Laid out as Places of Pool2D.cu.</summary>
    private readonly record struct Divisors(CudaWalk.Divisor Packs, CudaWalk.Divisor Height, CudaWalk.Divisor Width);

    /// <summary>Images of one launch, so few that 32 bits count their numbers.</summary>
    private readonly record struct Part(int Start, int Images)
    {
        public static Part First(in Pool2DGeometry g) => new Part(0, 0).Next(g);

        public Part Next(in Pool2DGeometry g)
        {
            long image = Math.Max(1, Math.Max((long)g.H * g.W, (long)g.OutH * g.OutW) * g.C);
            return new(Start + Images, (int)Math.Min(g.N - Start - Images, Math.Max(1, CudaWalk.Most / image)));
        }

        public long Inputs(in Pool2DGeometry g) => (long)Images * g.H * g.W * g.C;

        public long Outputs(in Pool2DGeometry g) => (long)Images * g.OutH * g.OutW * g.C;

        /// <summary>Where the images of an array in x's shape begin; Null stays Null.</summary>
        public nint Input(in Pool2DGeometry g, nint array, int size) => array == 0 ? 0 : array + (nint)((long)Start * g.H * g.W * g.C * size);

        /// <summary>Where those of one in y's shape begin.</summary>
        public nint Output(in Pool2DGeometry g, nint array, int size) => array == 0 ? 0 : array + (nint)((long)Start * g.OutH * g.OutW * g.C * size);
    }

    // A kernel for single channels, for packs of them, and for packs under the usual windows.
    private sealed class Variants(CudaContext context, string name, ComputePrecision stored, bool hasWindows)
    {
        private readonly KernelFunction _numbers = Of(context, name, stored), _packs = Of(context, $"{name}_packs", stored),
            _packs2 = Of(context, $"{name}_packs_2", stored), _packs3 = Of(context, $"{name}_packs_3", stored);

        public KernelFunction For(in Pool2DGeometry g, int pack) => pack == 1 ? _numbers : !hasWindows ? _packs : (g.R, g.S, g.StrideH, g.StrideW) switch
        {
            (2, 2, 2, 2) => _packs2,
            (3, 3, 2, 2) => _packs3,
            _ => _packs,
        };

        private static KernelFunction Of(CudaContext context, string name, ComputePrecision stored) => new(context, "Pool2D.cu", NarrowName.Of(name, stored));
    }
}

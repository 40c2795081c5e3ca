using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// Convolutions of 3 x 3 in float32 by Winograd's algorithm F(4x4, 3x3), forward and both gradients: the transforms are Winograd.cu, the products between them cuBLAS's, with a quarter of the
/// multiplications. cuDNN's exact float32 kernels on [N,H,W,C] are direct sums.
/// </summary>
/// <remarks>
/// Tiles are taken in rounds, whose scratch memory stays within bounds. Rounds and segments follow from the sizes alone, and so does
/// the order of every sum. About 1e-5 of the largest output is lost, where direct sums lose 1e-6.
/// </remarks>
internal sealed class WinogradConvolution(CudaContext context)
{
    private const string File = "Winograd.cu";
    private const int Side = 4, Places = 36, FewChannels = 16, ManyProducts = 528; // blocks that fill a large GPU some times
    private const int ProductSide = 64;                                            // of a product's tile, about

    private readonly KernelFunction _filter = new(context, File, "winograd_filter"), _input = new(context, File, "winograd_input"), _upstream = new(context, File, "winograd_upstream"),
        _output = new(context, File, "winograd_output"), _gradient = new(context, File, "winograd_gradient");

    /// <summary>Floats of a round's scratch memory, about: 256 MiB. A fourth of it, which the second-level cache would hold, was 15 % slower on an H200: the kernels of a round have tails.</summary>
    public long RoundFloats { get; init; } = 64 << 20;

    /// <summary>True where it takes a convolution: 3 x 3, stride 1, padding up to 2, and channels enough.</summary>
    public bool Takes(in Conv2DGeometry g) =>
        context.Options.UsesCudnn && g is { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, N: > 0, C: >= FewChannels, O: >= FewChannels }
        && Math.Max(Math.Max(g.Padding.Top, g.Padding.Bottom), Math.Max(g.Padding.Left, g.Padding.Right)) <= 2
        && g.OutH > 0 && g.OutW > 0 && (long)g.N * (g.H + Side) * (g.W + Side) * Math.Max(g.C, g.O) <= int.MaxValue && (long)g.O * g.C * Places <= int.MaxValue;

    /// <summary>Floats of the transformed weights.</summary>
    public static long WeightFloats(int o, int c) => (long)Places * o * c;

    /// <summary>u [36,O,C] of w [O,3,3,C].</summary>
    /// <param name="o">Output channels.</param>
    /// <param name="c">Input channels.</param>
    /// <param name="w">The weights.</param>
    /// <param name="u">The transformed ones.</param>
    /// <param name="isTurned">True for those of the gradient of x.</param>
    public void Transform(int o, int c, DevicePtr<float> w, nint u, bool isTurned = false) =>
        _filter.OverThreads((long)o * c, w, u, (uint)(o * c), c, isTurned ? 1 : 0);

    /// <summary>y = activation(convolution + b + residual), or the largest of each 2 x 2 of these; all dense, b and residual may be Null.</summary>
    public void Forward(in Conv2DGeometry g, DevicePtr<float> x, nint u, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y, FusedActivation activation, bool pools)
    {
        var input = new WinogradTiles(g.H, g.W, g.C, g.Padding.Top, g.Padding.Left, Tiles(g.OutH), Tiles(g.OutW));
        Run(g.N, input, input with { Height = g.OutH, Width = g.OutW, Channels = g.O }, x, new CudaMatrices(new DevicePtr<float>(u), g.C, Transposed: true, Step: (long)g.O * g.C), b, residual, y, activation, pools, 0);
    }

    /// <summary>The same with weights as they are.</summary>
    public void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        using var u = new CudaScratch(context, WeightFloats(g.O, g.C) * sizeof(float));
        Transform(g.O, g.C, w, u.Address);
        Forward(g, x, u.Address, b, DevicePtr<float>.Null, y, FusedActivation.None, pools: false);
    }

    /// <summary>dx = beta dx + the gradient: a convolution of dy with the turned weights.</summary>
    public void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        using var u = new CudaScratch(context, WeightFloats(g.O, g.C) * sizeof(float));
        Transform(g.O, g.C, w, u.Address, isTurned: true);
        var input = new WinogradTiles(g.OutH, g.OutW, g.O, 2 - g.Padding.Top, 2 - g.Padding.Left, Tiles(g.H), Tiles(g.W));
        Run(g.N, input, input with { Height = g.H, Width = g.W, Channels = g.C }, dy, new CudaMatrices(new DevicePtr<float>(u.Address), g.C, Step: (long)g.O * g.C), DevicePtr<float>.Null, DevicePtr<float>.Null, dx,
            FusedActivation.None, pools: false, beta);
    }

    /// <summary>dw = beta dw + the gradient. Tiles are cut into segments, each with sums of its own, where the products would be too few to fill a GPU.</summary>
    public void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        var input = new WinogradTiles(g.H, g.W, g.C, g.Padding.Top, g.Padding.Left, Tiles(g.OutH), Tiles(g.OutW));
        WinogradTiles upstream = input with { Height = g.OutH, Width = g.OutW, Channels = g.O, Top = 0, Left = 0 };
        int tiles = g.N * input.Down * input.Across, perRound = (int)Math.Clamp(RoundFloats / (Places * ((long)g.C + g.O)), 1, tiles);
        int rounds = (tiles + perRound - 1) / perRound;
        perRound = (tiles + rounds - 1) / rounds;
        long products = Places * (long)((g.O + ProductSide - 1) / ProductSide) * ((g.C + ProductSide - 1) / ProductSide);
        int segments = (int)Math.Clamp((ManyProducts + products - 1) / products, 1, Math.Max(1, perRound / ProductSide)), length = (perRound + segments - 1) / segments;
        using CudaScratch v = Floats((long)segments * length * Places * g.C), p = Floats((long)segments * length * Places * g.O), sums = Floats(segments * WeightFloats(g.O, g.C));
        for (int first = 0; first < tiles; first += perRound)
        {
            int count = Math.Min(perRound, tiles - first);
            long padded = (long)segments * length;
            _input.OverThreads(padded * g.C, x, v.Address, (uint)(padded * g.C), KernelArgument.Of(input.Of(first, count, length)));
            _upstream.OverThreads(padded * g.O, dy, p.Address, (uint)(padded * g.O), KernelArgument.Of(upstream.Of(first, count, length)));
            context.Blas.Multiply(g.O, g.C, length, new CudaMatrices(new DevicePtr<float>(p.Address), g.O, Transposed: true, Step: (long)length * g.O), new CudaMatrices(new DevicePtr<float>(v.Address), g.C, Step: (long)length * g.C),
                new CudaMatrices(new DevicePtr<float>(sums.Address), g.C, Step: (long)g.O * g.C), first == 0 ? 0 : 1, Places * segments);
        }
        _gradient.OverThreads((long)g.O * g.C, sums.Address, dw, (uint)(g.O * g.C), g.C, segments, beta);
    }

    /// <summary>Rounds of tiles: transform, products, transform back.</summary>
    private void Run(int images, in WinogradTiles input, in WinogradTiles output, DevicePtr<float> x, in CudaMatrices u, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y,
        FusedActivation activation, bool pools, float beta)
    {
        int tiles = images * input.Down * input.Across, rounds = (int)Math.Max(1, ((long)tiles * Places * (input.Channels + output.Channels) + RoundFloats - 1) / RoundFloats);
        int perRound = (tiles + rounds - 1) / rounds;
        using CudaScratch v = Floats((long)perRound * Places * input.Channels), p = Floats((long)perRound * Places * output.Channels);
        for (int first = 0; first < tiles; first += perRound)
        {
            int count = Math.Min(perRound, tiles - first);
            uint read = (uint)((long)count * input.Channels), written = (uint)((long)count * output.Channels);
            _input.OverThreads(read, x, v.Address, read, KernelArgument.Of(input.Of(first, count, count)));
            context.Blas.Multiply(count, output.Channels, input.Channels, new CudaMatrices(new DevicePtr<float>(v.Address), input.Channels, Step: (long)count * input.Channels), u,
                new CudaMatrices(new DevicePtr<float>(p.Address), output.Channels, Step: (long)count * output.Channels), 0, Places);
            _output.OverThreads(written, p.Address, b, residual, y, written, KernelArgument.Of(output.Of(first, count, count)), (int)activation, pools ? 1 : 0, beta);
        }
    }

    private CudaScratch Floats(long count) => new(context, count * sizeof(float));

    private static int Tiles(int extent) => (extent + Side - 1) / Side;

    /// <summary>Laid out as Tiles of Winograd.cu.</summary>
    private readonly record struct WinogradTiles(int Height, int Width, int Channels, int Top, int Left, int Down, int Across, uint First = 0, uint Count = 0, uint Length = 0)
    {
        /// <summary>Those of one call.</summary>
        public WinogradTiles Of(int first, int count, int length) => this with { First = (uint)first, Count = (uint)count, Length = (uint)length };
    }
}

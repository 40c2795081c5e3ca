using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

/// <summary>The ops of the ladder at sizes that fill a large GPU, or at tiny ones. torch_bench.py has the same under the same names.</summary>
internal static partial class LadderCases
{
    /// <summary>Sums in another order, fused multiply-adds and CUDA's own exponentials: some roundings of the largest number.</summary>
    private const double Tolerance = 1e-4;

    /// <summary>The same where cuDNN may take Winograd's algorithm, which loses two digits.</summary>
    private const double ConvolutionTolerance = 5e-4;

    /// <summary>All: first those that were not measured on hardware yet, then the most used first.</summary>
    public static IEnumerable<LadderCase> Of(bool isTiny) => [.. Stored(isTiny), .. isTiny ? NewTiny() : New(), .. Moving(isTiny), .. RowGradients(isTiny), .. isTiny ? MeasuredTiny() : Measured()];

    private static IEnumerable<LadderCase> NewTiny() =>
    [
        Copy(3000), AveragePool(2, 9, 8), Transpose(33, 40), Embedding(7, 30, 16), CrossEntropy(6, 90), Adam(3000), Row(64, 40), Narrow("bf16", WeightPrecision.BFloat16, 64, 40), Narrow("int8", WeightPrecision.Int8, 64, 40),
    ];

    private static IEnumerable<LadderCase> MeasuredTiny() =>
    [
        Product(40, 36, 20), Convolution("3x3", 2, 9, 16, 16, 3), .. ConvolutionGradients("3x3", 2, 9, 16, 16, 3), Attention(2, 20, 16), Softmax(6, 70), LayerNorm(5, 48),
        AttentionBackward(ComputePrecision.Float32, 2, 20, 16), .. NarrowAttention(2, 20, 16), BatchNorm(2, 6, 8), Gelu(3000), Add(3000), MaxPool(2, 9, 8), ColumnSums(50, 40),
    ];

    // Kernels of 20 and 40 µs beside a copy of as many bytes, and at 400 MB: what their start and end take, and what the kernels do.
    private static IEnumerable<LadderCase> New() =>
    [
        Copy(8192 * 768), LayerNorm(8192, 768), Own(LayerNorm(65536, 768)), Copy(8192 * 3072 / 2), ColumnSums(8192, 3072), Own(ColumnSums(32768, 3072)),
        Transpose(4096, 4096), AveragePool(32, 112, 64), Embedding(8192, 50257, 768), CrossEntropy(2048, 50257), Adam(25_557_032), Row(768, 2304), Row(768, 768), Row(768, 3072), Row(3072, 768), Row(768, 50257),
        Narrow("bf16", WeightPrecision.BFloat16, 768, 2304), Narrow("bf16", WeightPrecision.BFloat16, 768, 50257), Narrow("int8", WeightPrecision.Int8, 768, 50257),
        Softmax(12 * 1024, 1024), BatchNorm(32, 56, 256), MaxPool(32, 112, 64), // their rungs of cuDNN
    ];

    private static IEnumerable<LadderCase> Measured() =>
    [
        Product(4096, 4096, 4096), Product(512, 3072, 768),
        Convolution("3x3", 32, 56, 64, 64, 3), Convolution("3x3", 32, 14, 256, 256, 3), Convolution("3x3", 1, 14, 512, 512, 3), Convolution("1x1", 32, 56, 64, 256, 1), Convolution("1x1", 32, 14, 1024, 256, 1),
        Convolution("7x7/2", 32, 224, 3, 64, 7, 2),
        .. ConvolutionGradients("3x3", 32, 56, 64, 64, 3), .. ConvolutionGradients("3x3", 32, 14, 256, 256, 3), .. ConvolutionGradients("1x1", 32, 14, 1024, 256, 1), Attention(12, 1024, 64),
        Attention(48, 512, 64), AttentionBackward(ComputePrecision.Float32, 48, 512, 64), .. NarrowAttention(48, 512, 64), Gelu(8192 * 3072), Add(32 * 56 * 56 * 256),
    ];

    private static IEnumerable<LadderCase> NarrowAttention(int heads, int tokens, int d) =>
        new[] { ComputePrecision.TF32, ComputePrecision.BFloat16 }.SelectMany(p => new[] { Attention(p, heads, tokens, d), AttentionBackward(p, heads, tokens, d) });

    /// <summary>A case without its naive kernel.</summary>
    private static LadderCase Own(LadderCase of) => of with { Rungs = [new("own")] };

    /// <summary>A kernel of Ladder.cu.</summary>
    private static KernelFunction Naive(CudaKernelSet set, string name)
    {
        const string File = "Ladder.cu";
        using Stream stream = typeof(LadderCases).Assembly.GetManifestResourceStream(File) ?? throw new GraftException($"{File} is not embedded in the bench.");
        using var reader = new StreamReader(stream);
        set.Context.Modules.Bring(File, reader.ReadToEnd());
        return new KernelFunction(set.Context, File, name);
    }

    private static LadderCase Product(int m, int n, int k) => new(new OpCase($"product {m}x{n}x{k}", 2.0 * m * n * k, 4.0 * ((double)m * k + (double)k * n + (double)m * n))
    {
        Batch = m,
        Tolerance = Tolerance,
        Graft = (set, work, rows) =>
        {
            (DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> c) = (work.Input("a", (long)rows * k), work.Input("b", (long)k * n), work.Output((long)rows * n));
            var g = new DenseGeometry(rows, k, n);
            return () => set.Dense.Forward(g, a, b, default, c);
        },
    },
        new Rung("naive", Make: (set, work, rows) =>
        {
            (DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> c) = (work.Input("a", (long)rows * k), work.Input("b", (long)k * n), work.Output((long)rows * n));
            KernelFunction kernel = Naive(set, "naive_product");
            return () => kernel.Over((long)rows * n, a, b, c, rows, n, k);
        }),
        // A convolution of 1 x 1 is a product with the second matrix turned.
        new Rung("own tiles", UsesCudnn: false, Make: (set, work, rows) =>
        {
            DevicePtr<float> a = work.Input("a", (long)rows * k), b = work.Input("b", (long)k * n), turned = work.Scratch((long)k * n), bias = work.Upload<float>(new float[n]), c = work.Output((long)rows * n);
            set.Permute.Forward(PermuteGeometry.Of([k, n], [1, 0]), b, turned);
            var g = new Conv2DGeometry(1, 1, rows, k, n, 1, 1, 1, 1, 1, 1, Padding2D.None, 1);
            return () => set.Conv2D.Forward(g, a, turned, bias, c);
        }),
        new Rung("cuBLAS"));

    private static Conv2DGeometry Geometry(int n, int size, int c, int o, int filter, int stride) =>
        new(n, size, size, c, o, filter, filter, stride, stride, 1, 1, Padding2D.All(filter / 2), 1);

    private static LadderCase Convolution(string kind, int batch, int size, int c, int o, int filter, int stride = 1)
    {
        Conv2DGeometry g = Geometry(batch, size, c, o, filter, stride);
        long x = (long)size * size * c, w = (long)o * filter * filter * c, y = (long)g.OutH * g.OutW * o;
        return new(new OpCase($"convolution {kind} {batch}x{size}²x{c} to {o}", g.Flops, 4.0 * (batch * x + w + batch * y))
        {
            Batch = batch,
            Tolerance = ConvolutionTolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), weight = work.Input("w", w), bias = work.Input("b", o), output = work.Output(n * y);
                Conv2DGeometry of = g with { N = n };
                return () => set.Conv2D.Forward(of, input, weight, bias, output);
            },
        },
            new Rung("naive", Make: (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), weight = work.Input("w", w), bias = work.Input("b", o), output = work.Output(n * y);
                KernelFunction kernel = Naive(set, "naive_convolution");
                return () => kernel.Over(n * y, input, weight, bias, output, n, size, size, c, o, filter, stride, filter / 2);
            }),
            new Rung("own tiles", UsesCudnn: false),
            new Rung("cuDNN", Make: (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), weight = work.Input("w", w), bias = work.Input("b", o), output = work.Output(n * y);
                Conv2DGeometry of = g with { N = n };
                return () => Demand(set.Context.Dnn.ForwardWithBias(ComputePrecision.Float32, of, input, weight, bias, DevicePtr<float>.Null, output));
            }),
            new Rung(filter == 1 ? "product" : filter == 3 && stride == 1 ? "Winograd" : "as in a model"));
    }

    private static void Demand(bool wasTaken)
    {
        if (!wasTaken)
            throw new NotSupportedException("cuDNN has no algorithm for it");
    }

    private static LadderCase[] ConvolutionGradients(string kind, int batch, int size, int c, int o, int filter)
    {
        Conv2DGeometry g = Geometry(batch, size, c, o, filter, 1);
        long x = (long)size * size * c, w = (long)o * filter * filter * c, y = (long)g.OutH * g.OutW * o;
        double bytes = 4.0 * (batch * x + w + batch * y);
        string name = $"convolution {kind} {batch}x{size}²x{c} to {o}";
        Rung[] rungs = [new("own tiles", UsesCudnn: false), new(filter == 3 ? "Winograd" : "product")];
        return
        [
            new(new OpCase($"{name}, gradient of x", g.Flops, bytes)
            {
                Batch = batch,
                Tolerance = ConvolutionTolerance,
                Graft = (set, work, n) =>
                {
                    DevicePtr<float> upstream = work.Input("dy", n * y), weight = work.Input("w", w), output = work.Output(n * x);
                    Conv2DGeometry of = g with { N = n };
                    return () => set.Conv2D.BackwardInput(of, upstream, weight, output, 0);
                },
            }, rungs),
            new(new OpCase($"{name}, gradient of w", g.Flops, bytes)
            {
                Batch = batch,
                Tolerance = ConvolutionTolerance,
                Graft = (set, work, n) =>
                {
                    DevicePtr<float> input = work.Input("x", n * x), upstream = work.Input("dy", n * y), output = work.Output(w);
                    Conv2DGeometry of = g with { N = n };
                    return () => set.Conv2D.BackwardWeight(of, input, upstream, output, 0);
                },
            }, rungs),
        ];
    }

    private static LadderCase Row(int k, int o) =>
        new(new OpCase($"one row by float32 weights {k}x{o}", 2.0 * k * o, 4.0 * ((double)k * o + k + o))
        {
            Tolerance = Tolerance,
            Graft = (set, work, rows) =>
            {
                (DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> y) = (work.Input("x", k), work.Scratch(set.FrozenDense.PackedSize(k, o)), work.Output(o));
                set.FrozenDense.Pack(k, o, work.Input("w", (long)k * o), packed);
                var g = new FrozenDenseGeometry(1, k, o);
                return () => set.FrozenDense.Run(g, x, packed, default, default, y);
            },
        },
            new Rung("cuBLASLt", Make: (set, work, rows) =>
            {
                (DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> y) = (work.Input("x", k), work.Input("w", (long)k * o), work.Output(o));
                var g = new DenseGeometry(1, k, o);
                return () => set.Dense.Forward(g, x, w, default, y);
            }),
            new Rung("own"));

    private static LadderCase Narrow(string bits, WeightPrecision precision, int k, int o) =>
        new(new OpCase($"one row by {bits} weights {k}x{o}", 2.0 * k * o, (precision == WeightPrecision.Int8 ? 1.0 : 2) * k * o + 4.0 * (k + o))
        {
            Tolerance = Tolerance,
            Graft = (set, work, rows) =>
            {
                DevicePtr<float> x = work.Input("x", k), y = work.Output(o);
                var packed = new DevicePtr<byte>(work.Scratch((set.NarrowDense.PackedBytes(k, o, precision) + 3) / 4).Address);
                set.NarrowDense.Pack(k, o, precision, false, work.Input("w", (long)k * o), packed);
                var g = new NarrowDenseGeometry(1, k, o, precision);
                return () => set.NarrowDense.Run(g, x, packed, default, default, y);
            },
        }, new Rung("own"));
}

using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

// What memory bounds: rows, elements, and attention.
internal static partial class LadderCases
{
    private const float Epsilon = 1e-5f;

    private static LadderCase Attention(int heads, int tokens, int d)
    {
        int columns = heads * d;
        float scale = 1 / MathF.Sqrt(d);
        var g = new CausalAttentionGeometry(1, tokens, heads, d, scale);
        return new(new OpCase($"attention {heads}x{tokens}x{d}", g.Flops, 4.0 * 4 * tokens * columns)
        {
            Tolerance = Tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> qkv = work.Input("qkv", 3L * tokens * columns), lse = work.Scratch((long)heads * tokens), y = work.Output((long)tokens * columns);
                return () => set.CausalAttention.Forward(g, qkv, y, lse);
            },
        },
            new Rung("naive", Make: (set, work, n) =>
            {
                DevicePtr<float> qkv = work.Input("qkv", 3L * tokens * columns), y = work.Output((long)tokens * columns);
                KernelFunction kernel = Naive(set, "naive_attention");
                return () => kernel.Over((long)tokens * heads, qkv, y, tokens, heads, d, scale);
            }),
            new Rung("own"));
    }

    /// <summary>What products are computed in; the result is compared with float32's.</summary>
    private static LadderCase Attention(ComputePrecision precision, int heads, int tokens, int d)
    {
        double tolerance = precision == ComputePrecision.TF32 ? 2e-2 : 0.16; // three bits of each factor less
        int columns = heads * d;
        var g = new CausalAttentionGeometry(1, tokens, heads, d, 1 / MathF.Sqrt(d));
        return new(new OpCase($"attention in {precision.Word()} {heads}x{tokens}x{d}", g.Flops, 4.0 * 4 * tokens * columns)
        {
            Tolerance = tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> qkv = work.Input("qkv", 3L * tokens * columns), lse = work.Scratch((long)heads * tokens), y = work.Output((long)tokens * columns);
                return () => set.CausalAttention.Forward(g, qkv, y, lse);
            },
        },
            new Rung("own", Make: (set, work, n) =>
            {
                DevicePtr<float> qkv = work.Input("qkv", 3L * tokens * columns), lse = work.Scratch((long)heads * tokens), y = work.Output((long)tokens * columns);
                KernelSet rounded = set.In(precision);
                return () => rounded.CausalAttention.Forward(g, qkv, y, lse);
            }));
    }

    private static LadderCase AttentionBackward(ComputePrecision precision, int heads, int tokens, int d)
    {
        double rounded = precision == ComputePrecision.TF32 ? 4e-2 : 0.32;
        int columns = heads * d;
        var g = new CausalAttentionGeometry(1, tokens, heads, d, 1 / MathF.Sqrt(d));
        string name = precision == ComputePrecision.Float32 ? "attention backward" : $"attention backward in {precision.Word()}";
        return new(new OpCase($"{name} {heads}x{tokens}x{d}", 2.5 * g.Flops, 4.0 * 8 * tokens * columns)
        {
            Tolerance = precision == ComputePrecision.Float32 ? Tolerance : rounded,
            Graft = (set, work, n) => Run(set.CausalAttention, work),
        },
            new Rung("own", Make: (set, work, n) => Run(set.In(precision).CausalAttention, work)));

        Action Run(CausalAttentionKernels kernels, Workspace work)
        {
            DevicePtr<float> qkv = work.Input("qkv", 3L * tokens * columns), lse = work.Scratch((long)heads * tokens), y = work.Scratch((long)tokens * columns), dy = work.Input("dy", (long)tokens * columns);
            DevicePtr<float> dqkv = work.Output(3L * tokens * columns);
            kernels.Forward(g, qkv, y, lse);
            return () => kernels.Backward(g, qkv, y, lse, dy, dqkv, 0);
        }
    }

    private static LadderCase Softmax(int rows, int columns) => new(new OpCase($"softmax {rows}x{columns}", 0, 2 * 4.0 * rows * columns)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns, -8, 8), y = work.Output((long)n * columns);
            var g = new SoftmaxGeometry(n, columns, Log: false);
            return () => set.Softmax.Forward(g, x, y);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns, -8, 8), y = work.Output((long)n * columns);
            KernelFunction kernel = Naive(set, "naive_softmax");
            return () => kernel.Over(n, x, y, n, columns);
        }),
        new Rung("own"),
        new Rung("cuDNN", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns, -8, 8), y = work.Output((long)n * columns);
            return CudnnRung.Of(set, work).Softmax(n, columns, x, y);
        }));

    private static LadderCase LayerNorm(int rows, int columns) => new(new OpCase($"layer norm {rows}x{columns}", 0, 2 * 4.0 * rows * columns)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns), scale = work.Input("scale", columns), shift = work.Input("shift", columns), y = work.Output((long)n * columns);
            DevicePtr<float> mean = work.Scratch(n), rstd = work.Scratch(n);
            var g = new LayerNormGeometry(n, columns, Epsilon);
            return () => set.LayerNorm.Forward(g, x, scale, shift, y, mean, rstd);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns), scale = work.Input("scale", columns), shift = work.Input("shift", columns), y = work.Output((long)n * columns);
            KernelFunction kernel = Naive(set, "naive_layer_norm");
            return () => kernel.Over(n, x, scale, shift, y, n, columns, Epsilon);
        }),
        new Rung("own"));

    private static LadderCase BatchNorm(int batch, int size, int c)
    {
        long x = (long)size * size * c;
        return new(new OpCase($"batch norm, training {batch}x{size}²x{c}", 0, 3 * 4.0 * batch * x)
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), scale = work.Input("scale", c), shift = work.Input("shift", c), mean = work.Input("mean", c), variance = work.Input("variance", c, 0.5, 1.5);
                DevicePtr<float> y = work.Output(n * x), keptMean = work.Scratch(c), keptRstd = work.Scratch(c);
                BatchNormGeometry g = Training(n, size, c);
                return () => set.BatchNorm.Forward(g, input, scale, shift, mean, variance, y, keptMean, keptRstd);
            },
        },
            new Rung("naive", Make: (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), scale = work.Input("scale", c), shift = work.Input("shift", c), y = work.Output(n * x);
                KernelFunction kernel = Naive(set, "naive_batch_norm");
                return () => kernel.Over(c, input, scale, shift, y, n * size * size, c, Training(n, size, c).Epsilon);
            }),
            new Rung("own"),
            Cudnn("cuDNN", cudnnBatchNormMode_t.CUDNN_BATCHNORM_SPATIAL),
            Cudnn("cuDNN persistent", cudnnBatchNormMode_t.CUDNN_BATCHNORM_SPATIAL_PERSISTENT));

        Rung Cudnn(string name, cudnnBatchNormMode_t mode) => new(name, Make: (set, work, n) =>
        {
            DevicePtr<float> input = work.Input("x", n * x), scale = work.Input("scale", c), shift = work.Input("shift", c), mean = work.Input("mean", c), variance = work.Input("variance", c, 0.5, 1.5);
            DevicePtr<float> y = work.Output(n * x), keptMean = work.Scratch(c), keptRstd = work.Scratch(c);
            return CudnnRung.Of(set, work).BatchNorm(mode, (n, size), Training(n, size, c), input, scale, shift, mean, variance, y, keptMean, keptRstd);
        });
    }

    private static BatchNormGeometry Training(int batch, int size, int c) => new((long)batch * size * size, c, 1e-3f, 0.99f, true);

    private static LadderCase Gelu(int count) => new(new OpCase($"GELU {count}", 0, 2 * 4.0 * count)
    {
        Tolerance = Tolerance,
        Graft = (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count, -6, 6), y = work.Output(count);
            var g = new UnaryGeometry(count, UnaryFormula.GeluTanh);
            return () => set.Unary.Forward(g, x, y);
        },
    },
        new Rung("naive", Make: (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count, -6, 6), y = work.Output(count);
            KernelFunction kernel = Naive(set, "naive_gelu");
            return () => kernel.Over(count, x, y, count);
        }),
        new Rung("own"));

    private static LadderCase Add(int count) => new(new OpCase($"sum of two {count}", 0, 3 * 4.0 * count)
    {
        Graft = (set, work, _) =>
        {
            DevicePtr<float> a = work.Input("a", count), b = work.Input("b", count), y = work.Output(count);
            BinaryGeometry g = BinaryGeometry.Of(BinaryFormula.Add, [count], [count]);
            return () => set.Binary.Forward(g, a, b, y);
        },
    },
        new Rung("naive", Make: (set, work, _) =>
        {
            DevicePtr<float> a = work.Input("a", count), b = work.Input("b", count), y = work.Output(count);
            KernelFunction kernel = Naive(set, "naive_add");
            return () => kernel.Over(count, a, b, y, count);
        }),
        new Rung("own"));

    private static LadderCase MaxPool(int batch, int size, int c)
    {
        var g = new Pool2DGeometry(batch, size, size, c, 3, 3, 2, 2, Padding2D.All(1), false);
        long x = (long)size * size * c, y = (long)g.OutH * g.OutW * c;
        return new(new OpCase($"max pool 3x3/2 {batch}x{size}²x{c}", 0, 4.0 * batch * (x + y))
        {
            Batch = batch,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), output = work.Output(n * y);
                Pool2DGeometry of = g with { N = n };
                return () => set.Pool2D.MaxForward(of, input, output, default);
            },
        },
            new Rung("naive", Make: (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), output = work.Output(n * y);
                KernelFunction kernel = Naive(set, "naive_max_pool");
                return () => kernel.Over(n * y, input, output, n, size, g.OutH, c);
            }),
            new Rung("own"),
            CudnnPool(PoolKind.Max, g));
    }

    private static LadderCase AveragePool(int batch, int size, int c)
    {
        var g = new Pool2DGeometry(batch, size, size, c, 3, 3, 2, 2, Padding2D.All(1), false);
        long x = (long)size * size * c, y = (long)g.OutH * g.OutW * c;
        return new(new OpCase($"average pool 3x3/2 {batch}x{size}²x{c}", 0, 4.0 * batch * (x + y))
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), output = work.Output(n * y);
                Pool2DGeometry of = g with { N = n };
                return () => set.Pool2D.AverageForward(of, input, output);
            },
        }, new Rung("own"), CudnnPool(PoolKind.Average, g));
    }

    private static Rung CudnnPool(PoolKind kind, Pool2DGeometry g) => new("cuDNN", Make: (set, work, n) =>
    {
        DevicePtr<float> input = work.Input("x", (long)n * g.H * g.W * g.C), output = work.Output((long)n * g.OutH * g.OutW * g.C);
        return CudnnRung.Of(set, work).Pool(kind, g with { N = n }, input, output);
    });

    private static LadderCase ColumnSums(int rows, int columns) => new(new OpCase($"sums of columns {rows}x{columns}", 0, 4.0 * ((double)rows * columns + columns))
    {
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), y = work.Output(columns);
            ReduceGeometry g = ReduceGeometry.Of(ReduceFormula.Sum, [rows, columns], [true, false]);
            return () => set.Reduce.Forward(g, x, y, 0);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), y = work.Output(columns);
            KernelFunction kernel = Naive(set, "naive_column_sums");
            return () => kernel.Over(columns, x, y, rows, columns);
        }),
        new Rung("own"));

    private static LadderCase Transpose(int rows, int columns) => new(new OpCase($"transpose {rows}x{columns}", 0, 2 * 4.0 * rows * columns)
    {
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), y = work.Output((long)rows * columns);
            PermuteGeometry g = PermuteGeometry.Of([rows, columns], [1, 0]);
            return () => set.Permute.Forward(g, x, y);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), y = work.Output((long)rows * columns);
            KernelFunction kernel = Naive(set, "naive_transpose");
            return () => kernel.Over((long)rows * columns, x, y, rows, columns);
        }),
        new Rung("own"));

    private static LadderCase Embedding(int count, int rows, int columns) => new(new OpCase($"embedding {count} of {rows}x{columns}", 0, 2 * 4.0 * count * columns)
    {
        Batch = count,
        Graft = (set, work, n) =>
        {
            DevicePtr<int> ids = work.Ids("ids", n, rows);
            DevicePtr<float> table = work.Input("table", (long)rows * columns), y = work.Output((long)n * columns);
            var g = new EmbeddingGeometry(n, rows, columns);
            return () => set.Embedding.Forward(g, ids, table, y);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<int> ids = work.Ids("ids", n, rows);
            DevicePtr<float> table = work.Input("table", (long)rows * columns), y = work.Output((long)n * columns);
            KernelFunction kernel = Naive(set, "naive_embedding");
            return () => kernel.Over((long)n * columns, ids.Address, table, y, (long)n * columns, columns);
        }),
        new Rung("own"));

    private static LadderCase CrossEntropy(int rows, int classes) => new(new OpCase($"softmax cross-entropy {rows}x{classes}", 0, 4.0 * rows * classes)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * classes, -8, 8), labels = work.Upload<float>([.. Numbers.Ids("labels", n, classes).Select(i => (float)i)]), loss = work.Output(n);
            var g = new ClassLossGeometry(n, classes, Sparse: true, 0);
            return () => set.SoftmaxCrossEntropy.Forward(g, x, labels, loss);
        },
    },
        new Rung("naive", Make: (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * classes, -8, 8), labels = work.Upload<float>([.. Numbers.Ids("labels", n, classes).Select(i => (float)i)]), loss = work.Output(n);
            KernelFunction kernel = Naive(set, "naive_cross_entropy");
            return () => kernel.Over(n, x, labels, loss, n, classes);
        }),
        new Rung("own"));

    /// <summary>Weight and two slots are read and written, the gradient is read.</summary>
    private static LadderCase Adam(int count)
    {
        var settings = new AdamStepSettings(1e-3f, 0.9f, 0.999f, 1e-7f, 0, 1);
        return new(new OpCase($"step of Adam {count}", 0, 7 * 4.0 * count)
        {
            Tolerance = Tolerance,
            Graft = (set, work, _) =>
            {
                (DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v) = Weights(work, count);
                return () => set.AdamStep.Step(settings, [new(count, w, g, m, v)]);
            },
        },
            new Rung("naive", Make: (set, work, _) =>
            {
                (DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v) = Weights(work, count);
                KernelFunction kernel = Naive(set, "naive_adam");
                return () => kernel.Over(count, w, g, m, v, count, (float)settings.CorrectedRate, settings.Beta1, settings.Beta2, settings.Epsilon);
            }),
            new Rung("own"));
    }

    /// <summary>Weights that a step moves, their gradient, and two slots of zeros.</summary>
    private static (DevicePtr<float> W, DevicePtr<float> G, DevicePtr<float> M, DevicePtr<float> V) Weights(Workspace work, int count) =>
        (work.InPlace(work.Input("w", count), count), work.Input("g", count), work.Upload<float>(new float[count]), work.Upload<float>(new float[count]));
}

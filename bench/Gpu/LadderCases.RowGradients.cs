using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Gpu;

// Gradients of what works on rows and columns, small sizes of the same, and sums.
internal static partial class LadderCases
{
    private static IEnumerable<LadderCase> RowGradients(bool isTiny) => isTiny
        ? [SoftmaxGradient(6, 70), LayerNorm(1, 48), LayerNormGradients(5, 48), BatchNormGradients(2, 6, 8), BatchNormReLU(2, 6, 8), BatchNormReLUGradients(2, 6, 8), CrossEntropyGradient(6, 90), MeansOfPixels(2, 6, 8), SumOfAll(3000)]
        :
        [
            SoftmaxGradient(12 * 1024, 1024), LayerNorm(1, 768), LayerNormGradients(8192, 768), BatchNorm(32, 14, 1024), BatchNorm(32, 7, 512), BatchNormGradients(32, 56, 256), BatchNormGradients(32, 14, 1024),
            BatchNormGradients(32, 7, 512), BatchNormReLU(32, 56, 256), BatchNormReLUGradients(32, 56, 256), CrossEntropyGradient(1024, 50257), MeansOfPixels(32, 7, 2048), SumOfAll(32 * 56 * 56 * 256),
        ];

    private static LadderCase SoftmaxGradient(int rows, int columns) => new(new OpCase($"softmax's gradient {rows}x{columns}", 0, 3 * 4.0 * rows * columns)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> y = work.Input("y", (long)n * columns, 0, 0.01), dy = work.Input("dy", (long)n * columns), dx = work.Output((long)n * columns);
            var g = new SoftmaxGeometry(n, columns, Log: false);
            return () => set.Softmax.BackwardInput(g, y, dy, dx, 0);
        },
    },
        new Rung("own"),
        new Rung("cuDNN", Make: (set, work, n) =>
        {
            DevicePtr<float> y = work.Input("y", (long)n * columns, 0, 0.01), dy = work.Input("dy", (long)n * columns), dx = work.Output((long)n * columns);
            return CudnnRung.Of(set, work).SoftmaxGradient(n, columns, y, dy, dx);
        }));

    /// <summary>All three: x is read twice, dy three times.</summary>
    private static LadderCase LayerNormGradients(int rows, int columns) => new(new OpCase($"layer norm's gradients {rows}x{columns}", 0, 6 * 4.0 * rows * columns)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * columns), dy = work.Input("dy", (long)n * columns), scale = work.Input("scale", columns), mean = work.Input("mean", n, -0.1, 0.1), rstd = work.Input("rstd", n, 0.5, 2);
            DevicePtr<float> dscale = work.Scratch(columns), dshift = work.Scratch(columns), dx = work.Output((long)n * columns);
            var g = new LayerNormGeometry(n, columns, Epsilon);
            return () =>
            {
                set.LayerNorm.BackwardInput(g, x, dy, scale, mean, rstd, dx, 0);
                set.LayerNorm.BackwardScale(g, x, dy, mean, rstd, dscale, 0);
                set.LayerNorm.BackwardShift(g, dy, dshift, 0);
            };
        },
    }, new Rung("own"));

    /// <summary>Both sums, then the gradient of x: x and dy are read twice.</summary>
    private static LadderCase BatchNormGradients(int batch, int size, int c)
    {
        long x = (long)size * size * c;
        return new(new OpCase($"batch norm's gradients {batch}x{size}²x{c}", 0, 5 * 4.0 * batch * x)
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Input("x", n * x), dy = work.Input("dy", n * x), scale = work.Input("scale", c), dscale = work.Scratch(c), dshift = work.Scratch(c), dx = work.Output(n * x);
                BatchNormGeometry g = Training(n, size, c);
                (DevicePtr<float> mean, DevicePtr<float> rstd) = Statistics(set, work, g, input, scale);
                return () =>
                {
                    set.BatchNorm.BackwardSums(g, input, dy, mean, rstd, dscale, dshift);
                    set.BatchNorm.BackwardInput(g, input, dy, scale, mean, rstd, dscale, dshift, dx, 0);
                };
            },
        }, new Rung("own"), Cudnn("cuDNN", cudnnBatchNormMode_t.CUDNN_BATCHNORM_SPATIAL), Cudnn("cuDNN persistent", cudnnBatchNormMode_t.CUDNN_BATCHNORM_SPATIAL_PERSISTENT));

        Rung Cudnn(string name, cudnnBatchNormMode_t mode) => new(name, Make: (set, work, n) =>
        {
            DevicePtr<float> input = work.Input("x", n * x), dy = work.Input("dy", n * x), scale = work.Input("scale", c), dscale = work.Scratch(c), dshift = work.Scratch(c), dx = work.Output(n * x);
            BatchNormGeometry g = Training(n, size, c);
            (DevicePtr<float> mean, DevicePtr<float> rstd) = Statistics(set, work, g, input, scale);
            return CudnnRung.Of(set, work).BatchNormGradients(mode, (n, size), g, input, dy, scale, mean, rstd, dscale, dshift, dx);
        });
    }

    /// <summary>Those of x, as a forward run keeps them: a library may rely on it that they are.</summary>
    private static (DevicePtr<float> Mean, DevicePtr<float> Rstd) Statistics(KernelSet set, Workspace work, in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale)
    {
        DevicePtr<float> shift = work.Input("shift", g.C), movingMean = work.Input("mean", g.C), movingVariance = work.Input("variance", g.C, 0.5, 1.5);
        DevicePtr<float> y = work.Scratch(g.Rows * g.C), mean = work.Scratch(g.C), rstd = work.Scratch(g.C);
        set.BatchNorm.Forward(g, x, scale, shift, movingMean, movingVariance, y, mean, rstd);
        return (mean, rstd);
    }

    private static LadderCase CrossEntropyGradient(int rows, int classes) => new(new OpCase($"softmax cross-entropy's gradient {rows}x{classes}", 0, 2 * 4.0 * rows * classes)
    {
        Batch = rows,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * classes, -8, 8), labels = work.Upload<float>([.. Numbers.Ids("labels", n, classes).Select(i => (float)i)]), dloss = work.Input("dloss", n, 0.5, 1);
            DevicePtr<float> dx = work.Output((long)n * classes);
            var g = new ClassLossGeometry(n, classes, Sparse: true, 0);
            return () => set.SoftmaxCrossEntropy.BackwardInput(g, x, labels, dloss, dx, 0);
        },
    }, new Rung("own"));

    private static LadderCase MeansOfPixels(int batch, int size, int c) => new(new OpCase($"means of pixels {batch}x{size}²x{c}", 0, 4.0 * batch * c * (size * size + 1))
    {
        Batch = batch,
        Tolerance = Tolerance,
        Graft = (set, work, n) =>
        {
            DevicePtr<float> x = work.Input("x", (long)n * size * size * c), y = work.Output((long)n * c);
            ReduceGeometry g = ReduceGeometry.Of(ReduceFormula.Mean, [n, size, size, c], [false, true, true, false]);
            return () => set.Reduce.Forward(g, x, y, 0);
        },
    }, new Rung("own"), CudnnPool(PoolKind.Average, new Pool2DGeometry(batch, size, size, c, size, size, 1, 1, Padding2D.None, false)));

    private static LadderCase SumOfAll(int count) => new(new OpCase($"sum of all {count}", 0, 4.0 * count)
    {
        Tolerance = Tolerance,
        Graft = (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count, 0, 1), y = work.Output(1);
            ReduceGeometry g = ReduceGeometry.Of(ReduceFormula.Sum, [count], [true]);
            return () => set.Reduce.Forward(g, x, y, 0);
        },
    }, new Rung("own"));
}

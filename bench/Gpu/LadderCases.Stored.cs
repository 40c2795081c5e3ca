using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Gpu;

// Training steps in 16 bits: the kernels that read and write bf16 as it lies in memory. Results are compared with those of float32.
internal static partial class LadderCases
{
    /// <summary>Inputs and results are rounded by 2^-9 of them each; sums are float32.</summary>
    private const double StoredTolerance = 2e-2;

    private static IEnumerable<LadderCase> Stored(bool isTiny) => isTiny
        ?
        [
            StoredAttention(2, 20, 16), StoredAttentionBackward(2, 20, 16), StoredBatchNorm(2, 6, 8), StoredBatchNormGradients(2, 6, 8), StoredBatchNorm(2, 6, 8, hasShortcut: true), StoredBatchNormReLUGradients(2, 6, 8),
            StoredLayerNorm(5, 48), StoredLayerNormGradients(5, 48), StoredCrossEntropy(6, 90), StoredCrossEntropyGradient(6, 90),
        ]
        :
        [
            StoredAttention(48, 512, 64), StoredAttentionBackward(48, 512, 64), StoredBatchNorm(32, 56, 256), StoredBatchNormGradients(32, 56, 256), StoredBatchNorm(32, 56, 256, hasShortcut: true),
            StoredBatchNormReLUGradients(32, 56, 256), StoredLayerNorm(8192, 768), StoredLayerNormGradients(8192, 768), StoredCrossEntropy(1024, 50257), StoredCrossEntropyGradient(1024, 50257),
        ];

    /// <summary>Where a run has its numbers.</summary>
    private sealed record Store<T>(Func<string, long, double, double, DevicePtr<T>> Between, Func<long, DevicePtr<T>> Scratch, Func<long, DevicePtr<T>> Output)
        where T : unmanaged
    {
        public DevicePtr<T> Input(string name, long count) => Between(name, count, -1, 1);
    }

    private static Store<float> Float32(Workspace work) => new(work.Input, work.Scratch, work.Output);

    /// <summary>As bf16; what is compared is widened when it is asked for.</summary>
    private static Store<ushort> BFloat16(NarrowKernels kernels, Workspace work) => new(
        (name, count, low, high) =>
        {
            DevicePtr<ushort> x = work.NarrowScratch(count);
            kernels.Round(work.Input(name, count, low, high), x, count);
            return x;
        },
        work.NarrowScratch,
        count =>
        {
            DevicePtr<ushort> y = work.NarrowScratch(count);
            DevicePtr<float> widened = work.Output(count);
            work.BeforeResult = () => kernels.Widen(y, widened, count);
            return y;
        });

    private static LadderCase Stored(string name, double flops, double bytes, Func<KernelSet, Workspace, Action> exact, Func<NarrowKernels, Workspace, Action> stored) =>
        new(new OpCase(name, flops, bytes) { Tolerance = StoredTolerance, Graft = (set, work, _) => exact(set, work) }, new Rung("own", Make: (set, work, _) => stored(set.In(ComputePrecision.BFloat16).Narrow, work)));

    private static LadderCase WithTolerance(this LadderCase of, double tolerance) => of with { Op = of.Op with { Tolerance = tolerance } };

    private static LadderCase StoredAttention(int heads, int tokens, int d)
    {
        var g = new CausalAttentionGeometry(1, tokens, heads, d, 1 / MathF.Sqrt(d));
        long count = (long)tokens * g.C;
        return Stored($"attention stored in bf16 {heads}x{tokens}x{d}", g.Flops, 4 * 2.0 * count,
            (set, work) => Run(set.CausalAttention, Float32(work), work),
            (narrow, work) => Run(narrow.CausalAttention, BFloat16(narrow, work), work)).WithTolerance(0.16); // as of factors that are rounded

        Action Run<T>(CausalAttentionKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> qkv = store.Input("qkv", 3 * count), y = store.Output(count);
            DevicePtr<float> lse = work.Scratch((long)heads * tokens);
            return () => kernels.Forward(g, qkv, y, lse);
        }
    }

    private static LadderCase StoredAttentionBackward(int heads, int tokens, int d)
    {
        var g = new CausalAttentionGeometry(1, tokens, heads, d, 1 / MathF.Sqrt(d));
        long count = (long)tokens * g.C;
        return Stored($"attention backward stored in bf16 {heads}x{tokens}x{d}", 2.5 * g.Flops, 8 * 2.0 * count,
            (set, work) => Run(set.CausalAttention, Float32(work), work),
            (narrow, work) => Run(narrow.CausalAttention, BFloat16(narrow, work), work)).WithTolerance(0.32);

        Action Run<T>(CausalAttentionKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> qkv = store.Input("qkv", 3 * count), y = store.Scratch(count), dy = store.Input("dy", count), dqkv = store.Output(3 * count);
            DevicePtr<float> lse = work.Scratch((long)heads * tokens);
            kernels.Forward(g, qkv, y, lse);
            return () => kernels.Backward(g, qkv, y, lse, dy, dqkv, 0);
        }
    }

    /// <summary>x is read twice and the shortcut once, y written.</summary>
    private static LadderCase StoredBatchNorm(int batch, int size, int c, bool hasShortcut = false)
    {
        BatchNormGeometry g = hasShortcut ? Geometry(batch, size, c) : Training(batch, size, c);
        return Stored($"batch norm{(hasShortcut ? ", shortcut and ReLU" : "")} stored in bf16, training {batch}x{size}²x{c}", 0, (hasShortcut ? 4 : 3) * 2.0 * g.Rows * c,
            (set, work) => Run(set.BatchNorm, Float32(work), work),
            (narrow, work) => Run(narrow.BatchNorm, BFloat16(narrow, work), work));

        Action Run<T>(BatchNormKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged => Normalise(kernels, g, work, store.Input("x", g.Rows * c), store.Output(g.Rows * c), hasShortcut ? store.Input("shortcut", g.Rows * c) : default).Run;
    }

    private static (Action Run, DevicePtr<float> Mean, DevicePtr<float> Rstd) Normalise<T>(BatchNormKernels<T> kernels, BatchNormGeometry g, Workspace work, DevicePtr<T> x, DevicePtr<T> y, DevicePtr<T> shortcut)
        where T : unmanaged
    {
        DevicePtr<float> scale = work.Input("scale", g.C), shift = work.Input("shift", g.C), movingMean = work.Input("mean", g.C), movingVariance = work.Input("variance", g.C, 0.5, 1.5);
        DevicePtr<float> mean = work.Scratch(g.C), rstd = work.Scratch(g.C);
        return (() => kernels.Forward(g, x, scale, shift, movingMean, movingVariance, y, mean, rstd, shortcut), mean, rstd);
    }

    /// <summary>Both sums, then the gradient of x: x and dy are read twice.</summary>
    private static LadderCase StoredBatchNormGradients(int batch, int size, int c)
    {
        BatchNormGeometry g = Training(batch, size, c);
        long count = g.Rows * c;
        return Stored($"batch norm's gradients stored in bf16 {batch}x{size}²x{c}", 0, 5 * 2.0 * count,
            (set, work) => Run(set.BatchNorm, Float32(work), work),
            (narrow, work) => Run(narrow.BatchNorm, BFloat16(narrow, work), work));

        Action Run<T>(BatchNormKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> x = store.Input("x", count), dy = store.Input("dy", count), dx = store.Output(count);
            DevicePtr<float> scale = work.Input("scale", c), dscale = work.Scratch(c), dshift = work.Scratch(c);
            (Action forward, DevicePtr<float> mean, DevicePtr<float> rstd) = Normalise(kernels, g, work, x, store.Scratch(count), default);
            forward();
            return () =>
            {
                kernels.BackwardSums(g, x, dy, mean, rstd, dscale, dshift);
                kernels.BackwardInput(g, x, dy, scale, mean, rstd, dscale, dshift, dx, 0);
            };
        }
    }

    /// <summary>The sums read x, dy and y and write the shortcut's gradient; then x and that are read, and dx is written.</summary>
    private static LadderCase StoredBatchNormReLUGradients(int batch, int size, int c)
    {
        BatchNormGeometry g = Geometry(batch, size, c), plain = g with { Activation = FusedActivation.None };
        long count = g.Rows * c;
        return Stored($"gradients of batch norm, shortcut and ReLU stored in bf16 {batch}x{size}²x{c}", 0, 7 * 2.0 * count,
            (set, work) => Run(set.BatchNorm, Float32(work), work),
            (narrow, work) => Run(narrow.BatchNorm, BFloat16(narrow, work), work));

        Action Run<T>(BatchNormKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> x = store.Input("x", count), dy = store.Input("dy", count), y = store.Input("y", count), passed = store.Scratch(count), dx = store.Output(count);
            DevicePtr<float> scale = work.Input("scale", c), shift = work.Input("shift", c), dscale = work.Scratch(c), dshift = work.Scratch(c);
            (Action forward, DevicePtr<float> mean, DevicePtr<float> rstd) = Normalise(kernels, plain, work, x, store.Scratch(count), default);
            forward();
            return () =>
            {
                kernels.BackwardSums(g, x, dy, mean, rstd, dscale, dshift, new BatchNormGate<T>(scale, shift, y, passed));
                kernels.BackwardInput(plain, x, passed, scale, mean, rstd, dscale, dshift, dx, 0);
            };
        }
    }

    /// <summary>Of the residual path, which is float32, to what products read.</summary>
    private static LadderCase StoredLayerNorm(int rows, int columns)
    {
        var g = new LayerNormGeometry(rows, columns, Epsilon);
        return Stored($"layer norm of float32 to bf16 {rows}x{columns}", 0, (4.0 + 2.0) * rows * columns,
            (set, work) => Run(set.LayerNorm, Float32(work), work),
            (narrow, work) => Run(narrow.LayerNormOfFloat32, BFloat16(narrow, work), work));

        Action Run<T>(LayerNormKernels<float, T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), scale = work.Input("scale", columns), shift = work.Input("shift", columns), mean = work.Scratch(rows), rstd = work.Scratch(rows);
            DevicePtr<T> y = store.Output((long)rows * columns);
            return () => kernels.Forward(g, x, scale, shift, y, mean, rstd);
        }
    }

    /// <summary>All three: x of float32 is read twice, dy of bf16 three times, and dx is float32.</summary>
    private static LadderCase StoredLayerNormGradients(int rows, int columns)
    {
        var g = new LayerNormGeometry(rows, columns, Epsilon);
        return Stored($"layer norm's gradients, of float32 to bf16 {rows}x{columns}", 0, (3 * 4.0 + 3 * 2.0) * rows * columns,
            (set, work) => Run(set.LayerNorm, Float32(work), work),
            (narrow, work) => Run(narrow.LayerNormOfFloat32, BFloat16(narrow, work), work));

        Action Run<T>(LayerNormKernels<float, T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<float> x = work.Input("x", (long)rows * columns), scale = work.Input("scale", columns), mean = work.Input("mean", rows, -0.1, 0.1), rstd = work.Input("rstd", rows, 0.5, 2);
            DevicePtr<float> dscale = work.Scratch(columns), dshift = work.Scratch(columns), dx = work.Output((long)rows * columns);
            DevicePtr<T> dy = store.Input("dy", (long)rows * columns);
            return () =>
            {
                kernels.BackwardInput(g, x, dy, scale, mean, rstd, dx, 0);
                kernels.BackwardScale(g, x, dy, mean, rstd, dscale, 0);
                kernels.BackwardShift(g, dy, dshift, 0);
            };
        }
    }

    private static LadderCase StoredCrossEntropy(int rows, int classes)
    {
        var g = new ClassLossGeometry(rows, classes, Sparse: true, 0);
        return Stored($"softmax cross-entropy stored in bf16 {rows}x{classes}", 0, 2.0 * rows * classes,
            (set, work) => Run(set.SoftmaxCrossEntropy, Float32(work), work),
            (narrow, work) => Run(narrow.SoftmaxCrossEntropy, BFloat16(narrow, work), work));

        Action Run<T>(SoftmaxCrossEntropyKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> x = store.Between("x", (long)rows * classes, -8, 8);
            DevicePtr<float> labels = Labels(work, rows, classes), loss = work.Output(rows);
            return () => kernels.Forward(g, x, labels, loss);
        }
    }

    private static LadderCase StoredCrossEntropyGradient(int rows, int classes)
    {
        var g = new ClassLossGeometry(rows, classes, Sparse: true, 0);
        return Stored($"softmax cross-entropy's gradient stored in bf16 {rows}x{classes}", 0, 2 * 2.0 * rows * classes,
            (set, work) => Run(set.SoftmaxCrossEntropy, Float32(work), work),
            (narrow, work) => Run(narrow.SoftmaxCrossEntropy, BFloat16(narrow, work), work));

        Action Run<T>(SoftmaxCrossEntropyKernels<T> kernels, Store<T> store, Workspace work)
            where T : unmanaged
        {
            DevicePtr<T> x = store.Between("x", (long)rows * classes, -8, 8), dx = store.Output((long)rows * classes);
            DevicePtr<float> labels = Labels(work, rows, classes), dloss = work.Input("dloss", rows, 0.5, 1);
            return () => kernels.BackwardInput(g, x, labels, dloss, dx, 0);
        }
    }

    private static DevicePtr<float> Labels(Workspace work, int rows, int classes) => work.Upload<float>([.. Numbers.Ids("labels", rows, classes).Select(i => (float)i)]);
}

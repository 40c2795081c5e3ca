using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

// What moves numbers and hardly computes: broadcasting, gradients of elements, heads of attention, optimizers.
internal static partial class LadderCases
{
    private static IEnumerable<LadderCase> Moving(bool isTiny) => isTiny
        ?
        [
            ReLUGradient(3000), Dropout(3000), Broadcast("row", 30, 40, [40]), Broadcast("column", 30, 40, [30, 1]), MaxPoolGradient(2, 9, 8), Heads("together", 2, 20, 3, 16, [0, 2, 1, 3]),
            Heads("turned", 2, 20, 3, 16, [0, 2, 3, 1]), Momentum(3000),
        ]
        :
        [
            ReLUGradient(32 * 56 * 56 * 256), Dropout(8192 * 3072), Broadcast("row", 8192, 3072, [3072]), Broadcast("column", 8192, 3072, [8192, 1]), MaxPoolGradient(32, 112, 64),
            Heads("together", 8, 1024, 12, 64, [0, 2, 1, 3]), Heads("turned", 8, 1024, 12, 64, [0, 2, 3, 1]), Momentum(25_557_032),
        ];

    /// <summary>Each number is read and written once.</summary>
    private static LadderCase Copy(int count) => new(new OpCase($"copy of {count}", 0, 2 * 4.0 * count)
    {
        Graft = (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count), y = work.Output(count);
            return () => set.Memory.Accumulate(x, y, count, 0);
        },
    },
        new Rung("driver", Make: (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count), y = work.Output(count);
            return () => set.Memory.Copy(x, y, count);
        }),
        new Rung("own"));

    /// <summary>x [rows,columns] times a row [columns], or times a column [rows,1].</summary>
    private static LadderCase Broadcast(string kind, int rows, int columns, int[] other) => new(new OpCase($"product with a {kind} {rows}x{columns}", 0, 2 * 4.0 * rows * columns)
    {
        Graft = (set, work, _) =>
        {
            DevicePtr<float> a = work.Input("a", (long)rows * columns), b = work.Input("b", Math.Max(rows, columns)), y = work.Output((long)rows * columns);
            BinaryGeometry g = BinaryGeometry.Of(BinaryFormula.Multiply, [rows, columns], other);
            return () => set.Binary.Forward(g, a, b, y);
        },
    }, new Rung("own"));

    /// <summary>The gradient of a ReLU: dy and y are read, dx is written.</summary>
    private static LadderCase ReLUGradient(int count) => new(new OpCase($"gradient of ReLU {count}", 0, 3 * 4.0 * count)
    {
        Graft = (set, work, _) =>
        {
            DevicePtr<float> output = work.Input("y", count), upstream = work.Input("dy", count), dx = work.Output(count);
            var g = new UnaryGeometry(count, UnaryFormula.ReLU);
            return () => set.Unary.BackwardInput(g, default, output, upstream, dx, 0);
        },
    },
        new Rung("naive", Make: (set, work, _) =>
        {
            DevicePtr<float> output = work.Input("y", count), upstream = work.Input("dy", count), dx = work.Output(count);
            KernelFunction kernel = Naive(set, "naive_relu_gradient");
            return () => kernel.Over(count, output, upstream, dx, count);
        }),
        new Rung("own"));

    private static LadderCase Dropout(int count) => new(new OpCase($"dropout {count}", 0, 2 * 4.0 * count)
    {
        Tolerance = Tolerance,
        Graft = (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count), y = work.Output(count);
            var g = new DropoutGeometry(count, 0.1f, 7);
            return () => set.Dropout.Forward(g, x, y);
        },
    },
        new Rung("naive", Make: (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", count), y = work.Output(count);
            KernelFunction kernel = Naive(set, "naive_dropout");
            return () => kernel.Over(count, x, y, count, 0.1f, 7ul);
        }),
        new Rung("own"));

    /// <summary>Winners are whole numbers of 4 bytes, read beside dy.</summary>
    private static LadderCase MaxPoolGradient(int batch, int size, int c)
    {
        var g = new Pool2DGeometry(batch, size, size, c, 3, 3, 2, 2, Padding2D.All(1), false);
        long x = (long)size * size * c, y = (long)g.OutH * g.OutW * c;
        return new(new OpCase($"max pool 3x3/2 {batch}x{size}²x{c}, gradient", 0, 4.0 * batch * (x + 2 * y))
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) =>
            {
                DevicePtr<float> input = work.Upload<float>(Distinct(n, size, c)), upstream = work.Input("dy", n * y), best = work.Scratch(n * y), output = work.Output(n * x);
                var winners = new DevicePtr<int>(work.Scratch(n * y).Address);
                Pool2DGeometry of = g with { N = n };
                set.Pool2D.MaxForward(of, input, best, winners);
                return () => set.Pool2D.MaxBackward(of, upstream, winners, output, 0);
            },
        },
            new Rung("own"),
            new Rung("cuDNN", Make: (set, work, n) =>
            {
                DevicePtr<float> input = work.Upload<float>(Distinct(n, size, c)), upstream = work.Input("dy", n * y), best = work.Scratch(n * y), output = work.Output(n * x);
                Pool2DGeometry of = g with { N = n };
                CudnnRung dnn = CudnnRung.Of(set, work);
                dnn.Pool(PoolKind.Max, of, input, best)();
                return dnn.PoolGradient(PoolKind.Max, of, input, best, upstream, output);
            }));
    }

    /// <summary>Images in which no window of 3 x 3 has a number twice: of two largest cuDNN does not say which one gets the gradient.</summary>
    private static float[] Distinct(int batch, int size, int c)
    {
        float[] x = Numbers.Of("x", (long)batch * size * size * c);
        for (int i = 0; i < x.Length; i++)
        {
            int pixel = i / c, place = pixel / size % size % 3 * 3 + pixel % size % 3;
            x[i] = (MathF.Floor(x[i] * (1 << 19)) * 16 + place) / (1 << 23); // 20 random bits and 4 of the place: all of a float
        }
        return x;
    }

    /// <summary>[batch,tokens,heads,d] to [batch,heads,tokens,d], and to the transposed keys [batch,heads,d,tokens].</summary>
    private static LadderCase Heads(string kind, int batch, int tokens, int heads, int d, int[] order) => new(new OpCase($"heads {kind} {batch}x{tokens}x{heads}x{d}", 0, 2 * 4.0 * batch * tokens * heads * d)
    {
        Graft = (set, work, _) =>
        {
            DevicePtr<float> x = work.Input("x", (long)batch * tokens * heads * d), y = work.Output((long)batch * tokens * heads * d);
            PermuteGeometry g = PermuteGeometry.Of([batch, tokens, heads, d], order);
            return () => set.Permute.Forward(g, x, y);
        },
    }, new Rung("own"));

    /// <summary>A weight and its velocity are read and written, the gradient is read.</summary>
    private static LadderCase Momentum(int count) => new(new OpCase($"step of SGD with momentum {count}", 0, 5 * 4.0 * count)
    {
        Tolerance = Tolerance,
        Graft = (set, work, _) =>
        {
            DevicePtr<float> w = work.InPlace(work.Input("w", count), count), g = work.Input("g", count), v = work.Upload<float>(new float[count]);
            return () => set.SgdStep.Step(new SgdStepSettings(1e-3f, 0.9f), [new(count, w, g, v)]);
        },
    }, new Rung("own"));
}

using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Ops;

/// <summary>Trainable convolutions of ResNet50: forward and both gradients. Those of frozen bases are in <see cref="FrozenConv2DBench"/>.</summary>
public class Conv2DBench : OpBench
{
    private const int N = 8;

    private protected override IReadOnlyList<OpCase> Cases { get; } = [.. ConvShapes.Trained.SelectMany(Of)];

    private static IEnumerable<OpCase> Of(ConvShape shape)
    {
        Conv2DGeometry g = shape.Geometry(N);
        long x = (long)g.N * g.H * g.W * g.C, w = (long)g.O * g.R * g.S * g.C, y = (long)g.N * g.OutH * g.OutW * g.O;
        double bytes = 4.0 * (x + w + y);
        yield return new OpCase($"{shape} forward", g.Flops, bytes)
        {
            Batch = N,
            Graft = (set, work, n) =>
            {
                Conv2DGeometry of = g with { N = n };
                DevicePtr<float> input = work.Input("x", x / N * n), weight = work.Input("w", w), bias = work.Input("b", g.O), output = work.Output(y / N * n);
                return () => set.Conv2D.Forward(of, input, weight, bias, output);
            },
            Ort = () => shape.Ort(N, isReLU: false),
            Torch = () => shape.Torch(N, isReLU: false),
        };
        yield return new OpCase($"{shape} gradient of x", g.Flops, bytes)
        {
            Batch = N,
            Graft = (set, work, n) =>
            {
                Conv2DGeometry of = g with { N = n };
                DevicePtr<float> upstream = work.Input("dy", y / N * n), weight = work.Input("w", w), output = work.Output(x / N * n);
                return () => set.Conv2D.BackwardInput(of, upstream, weight, output, 0);
            },
        };
        yield return new OpCase($"{shape} gradient of w", g.Flops, bytes)
        {
            Batch = N,
            CheckedBatch = N, // the gradient sums over the samples
            Tolerance = 1e-4, // sums of up to 25 000 products in float against double
            Graft = (set, work, n) =>
            {
                Conv2DGeometry of = g with { N = n };
                DevicePtr<float> input = work.Input("x", x / N * n), upstream = work.Input("dy", y / N * n), output = work.Output(w);
                return () => set.Conv2D.BackwardWeight(of, input, upstream, output, 0);
            },
        };
    }
}

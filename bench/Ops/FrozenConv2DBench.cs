using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Ops;

/// <summary>
/// Frozen convolutions with bias and ReLU, by the algorithm that is chosen for them, VGG16 at batch 20 and ResNet50 at batch 32. For every
/// algorithm side by side: <c>-- convolutions</c>.
/// </summary>
public class FrozenConv2DBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
        [.. ConvShapes.Vgg16.Select(s => Of(s, 20)), .. ConvShapes.ResNet50.Select(s => Of(s, 32))];

    private static OpCase Of(ConvShape shape, int batch)
    {
        FusedConv2DGeometry g = FusedConv2DGeometry.From(shape.Geometry(batch)) with { Activation = FusedActivation.ReLU };
        long w = (long)g.O * g.R * g.S * g.C, x = (long)batch * g.H * g.W * g.C, y = (long)batch * g.OutH * g.OutW * g.O;
        return new OpCase(shape.ToString(), g.Flops, 4.0 * (x + w + y))
        {
            Batch = batch,
            Tolerance = 2e-4, // Winograd F(4x4) errs by up to 1.3e-5 of the largest output, which is six times the rms
            Graft = (set, work, n) => Frozen(set, work, g with { N = n }),
            Ort = () => shape.Ort(batch, isReLU: true),
            Torch = () => shape.Torch(batch, isReLU: true),
        };
    }

    /// <summary>Weights packed once, images inside a border of zeros where the filter reaches over the edge, as a plan lays them out.</summary>
    private static Action Frozen(KernelSet set, Workspace work, FusedConv2DGeometry g)
    {
        int border = g.Padding.Top;
        g = g.WithInputBorder(border);
        ConvAlgorithm algorithm = set.FusedConv2D.Choose(g);
        DevicePtr<float> x = work.Upload<float>(Bordered(Numbers.Of("x", (long)g.N * g.H * g.W * g.C), g)).At(g.Input.BorderOffset(border));
        DevicePtr<float> packed = work.Scratch(set.FusedConv2D.PackedSize(g, algorithm)), b = work.Input("b", g.O);
        set.FusedConv2D.Pack(g, algorithm, work.Input("w", (long)g.O * g.R * g.S * g.C), packed);
        DevicePtr<float> y = work.Output(g.N * g.Output.ImageStride);
        return () => set.FusedConv2D.Run(g, algorithm, x, packed, b, default, y);
    }

    private static float[] Bordered(float[] pixels, in FusedConv2DGeometry g)
    {
        var result = new float[g.N * g.Input.ImageStride];
        int row = g.W * g.C;
        long first = g.Input.BorderOffset(g.InputBorder);
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.H; h++)
                pixels.AsSpan((n * g.H + h) * row, row).CopyTo(result.AsSpan((int)(first + g.Input.At(n, h, 0)), row));
        }
        return result;
    }
}

using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>The poolings of VGG16 (150x150, batch 20) and ResNet50 (224x224, batch 32).</summary>
public class Pool2DBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Max("VGG16", 20, 150, 64, 2, 2, 0), Max("VGG16", 20, 75, 128, 2, 2, 0), Max("VGG16", 20, 37, 256, 2, 2, 0), Max("VGG16", 20, 18, 512, 2, 2, 0),
        Max("ResNet50", 32, 112, 64, 3, 2, 1), Average("ResNet50", 32, 7, 2048),
    ];

    private static OpCase Max(string network, int batch, int size, int c, int window, int stride, int padding)
    {
        var g = new Pool2DGeometry(batch, size, size, c, window, window, stride, stride, Padding2D.All(padding), false);
        Shape x = new(batch, size, size, c), y = new(batch, g.OutH, g.OutW, c);
        return new OpCase($"{network} {size}² {c} maximum {window}x{window}/{stride}", g.Flops, 4.0 * (x.Count + y.Count))
        {
            Batch = batch,
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                Pool2DGeometry of = g with { N = n };
                DevicePtr<float> input = work.Input("x", x.Count / batch * n), output = work.Output(y.Count / batch * n);
                return () => set.Pool2D.MaxForward(of, input, output, default);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Input("x", x, Numbers.Of("x", x.Count));
                peer.Graph.Node("MaxPool", "y", ["x"],
                    OnnxGraph.Attribute("kernel_shape", window, window), OnnxGraph.Attribute("strides", stride, stride), OnnxGraph.Attribute("pads", padding, padding, padding, padding));
                return peer.Open("y", y, isImage: true);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Image(x, Numbers.Of("x", x.Count));
                return peer.Open(() => torch.nn.functional.max_pool2d(input, [window, window], [stride, stride], [padding, padding]), isImage: true);
            },
        };
    }

    private static OpCase Average(string network, int batch, int size, int c)
    {
        var g = new Pool2DGeometry(batch, size, size, c, size, size, 1, 1, Padding2D.None, false);
        Shape x = new(batch, size, size, c), y = new(batch, 1, 1, c);
        return new OpCase($"{network} {size}² {c} global average", g.Flops, 4.0 * (x.Count + y.Count))
        {
            Batch = batch,
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                Pool2DGeometry of = g with { N = n };
                DevicePtr<float> input = work.Input("x", x.Count / batch * n), output = work.Output((long)n * c);
                return () => set.Pool2D.AverageForward(of, input, output);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Input("x", x, Numbers.Of("x", x.Count));
                peer.Graph.Node("GlobalAveragePool", "y", ["x"]);
                return peer.Open("y", y, isImage: true);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Image(x, Numbers.Of("x", x.Count));
                return peer.Open(() => torch.nn.functional.adaptive_avg_pool2d(input, 1), isImage: true);
            },
        };
    }
}

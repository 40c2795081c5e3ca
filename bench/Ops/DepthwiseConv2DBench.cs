using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Depthwise convolutions, 3x3, at sizes of MobileNet (224x224), batch 8.</summary>
public class DepthwiseConv2DBench : OpBench
{
    private const int N = 8;

    private protected override IReadOnlyList<OpCase> Cases { get; } =
        [.. new[] { (112, 32, 1), (56, 128, 1), (56, 128, 2), (28, 256, 1), (14, 512, 1), (7, 1024, 1) }.Select(s => Of(s.Item1, s.Item2, s.Item3))];

    private static OpCase Of(int size, int c, int stride)
    {
        var g = new DepthwiseConv2DGeometry(N, size, size, c, 3, 3, 1, stride, stride, 1, 1, Padding2D.All(1));
        Shape x = new(N, size, size, c), y = new(N, g.OutH, g.OutW, c), w = new(1, 3, 3, c); // [R,S,C,1]; its planes are [1,C,R,S]
        return new OpCase($"MobileNet {size}² {c} 3x3{(stride > 1 ? "/2" : "")}", g.Flops, 4.0 * (x.Count + y.Count + w.Count))
        {
            Batch = N,
            HasWidths = false,
            Graft = (set, work, n) =>
            {
                DepthwiseConv2DGeometry of = g with { N = n };
                DevicePtr<float> input = work.Input("x", x.Count / N * n), weight = work.Input("w", w.Count), bias = work.Input("b", c), output = work.Output(y.Count / N * n);
                return () => set.DepthwiseConv2D.Forward(of, input, weight, bias, output);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Input("x", x, Numbers.Of("x", x.Count))
                    .Weight("w", new Shape(c, 1, 3, 3), Planes.FromPixels(Numbers.Of("w", w.Count), w)).Weight("b", new Shape(c), Numbers.Of("b", c));
                peer.Graph.Node("Conv", "y", ["x", "w", "b"],
                    OnnxGraph.Attribute("kernel_shape", 3, 3), OnnxGraph.Attribute("strides", stride, stride), OnnxGraph.Attribute("pads", 1, 1, 1, 1), OnnxGraph.Attribute("group", c));
                return peer.Open("y", y, isImage: true);
            },
            Torch = () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Image(x, Numbers.Of("x", x.Count)), bias = peer.Plain(new Shape(c), Numbers.Of("b", c));
                torch.Tensor weight = peer.Plain(new Shape(c, 1, 3, 3), Planes.FromPixels(Numbers.Of("w", w.Count), w));
                return peer.Open(() => torch.nn.functional.conv2d(input, weight, bias, [stride, stride], [1, 1], groups: c), isImage: true);
            },
        };
    }
}

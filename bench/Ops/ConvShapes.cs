using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>A square convolution of a network.</summary>
/// <param name="Network">Where it stands.</param>
/// <param name="Size">Height and width of the image.</param>
/// <param name="C">Channels in.</param>
/// <param name="O">Channels out.</param>
/// <param name="Filter">Height and width of the filter.</param>
/// <param name="Stride">Step between windows.</param>
internal sealed record ConvShape(string Network, int Size, int C, int O, int Filter, int Stride = 1)
{
    public Conv2DGeometry Geometry(int n) =>
        new(n, Size, Size, C, O, Filter, Filter, Stride, Stride, 1, 1, Padding2D.All(Filter / 2), 1);

    /// <summary>The same in ONNX Runtime, with a bias.</summary>
    public Peer Ort(int n, bool isReLU)
    {
        Conv2DGeometry g = Geometry(n);
        Shape x = new(n, Size, Size, C), w = new(O, Filter, Filter, C), y = new(n, g.OutH, g.OutW, O);
        OrtPeer peer = new OrtPeer().Input("x", x, Numbers.Of("x", x.Count))
            .Weight("w", Planes.Of(w), Planes.FromPixels(Numbers.Of("w", w.Count), w)).Weight("b", new Shape(O), Numbers.Of("b", O));
        int pad = Filter / 2;
        peer.Graph.Node("Conv", isReLU ? "linear" : "y", ["x", "w", "b"],
            OnnxGraph.Attribute("kernel_shape", Filter, Filter), OnnxGraph.Attribute("strides", Stride, Stride), OnnxGraph.Attribute("pads", pad, pad, pad, pad));
        if (isReLU)
            peer.Graph.Node("Relu", "y", ["linear"]);
        return peer.Open("y", y, isImage: true);
    }

    /// <summary>The same in libtorch, with a bias.</summary>
    public Peer Torch(int n, bool isReLU)
    {
        var peer = new TorchPeer();
        Shape x = new(n, Size, Size, C), w = new(O, Filter, Filter, C);
        torch.Tensor input = peer.Image(x, Numbers.Of("x", x.Count)), weight = peer.Image(w, Numbers.Of("w", w.Count)), bias = peer.Plain(new Shape(O), Numbers.Of("b", O));
        long[] stride = [Stride, Stride], padding = [Filter / 2, Filter / 2];
        return peer.Open(() =>
        {
            torch.Tensor y = torch.nn.functional.conv2d(input, weight, bias, stride, padding);
            return isReLU ? y.relu_() : y;
        }, isImage: true);
    }

    public override string ToString() => $"{Network} {Size}² {C}->{O} {Filter}x{Filter}{(Stride > 1 ? $"/{Stride}" : "")}";
}

/// <summary>The convolutions of VGG16 (150x150) and ResNet50 (224x224).</summary>
internal static class ConvShapes
{
    public static ConvShape[] Vgg16 { get; } =
    [
        .. new[] { (150, 3, 64), (150, 64, 64), (75, 64, 128), (75, 128, 128), (37, 128, 256), (37, 256, 256), (18, 256, 512), (18, 512, 512), (9, 512, 512) }
            .Select(s => new ConvShape("VGG16", s.Item1, s.Item2, s.Item3, 3)),
    ];

    public static ConvShape[] ResNet50 { get; } =
    [
        new("ResNet50", 224, 3, 64, 7, 2),
        new("ResNet50", 56, 64, 64, 1), new("ResNet50", 56, 64, 64, 3), new("ResNet50", 56, 64, 256, 1), new("ResNet50", 56, 256, 64, 1),
        new("ResNet50", 56, 256, 512, 1, 2), new("ResNet50", 28, 512, 128, 1), new("ResNet50", 28, 128, 128, 3), new("ResNet50", 28, 128, 512, 1),
        new("ResNet50", 14, 1024, 256, 1), new("ResNet50", 14, 256, 256, 3), new("ResNet50", 14, 256, 1024, 1),
        new("ResNet50", 7, 2048, 512, 1), new("ResNet50", 7, 512, 512, 3), new("ResNet50", 7, 512, 2048, 1),
    ];

    /// <summary>One of each kind, for the gradients.</summary>
    public static ConvShape[] Trained { get; } =
    [
        new("ResNet50", 224, 3, 64, 7, 2), new("ResNet50", 56, 64, 64, 3), new("ResNet50", 28, 128, 128, 3), new("ResNet50", 14, 256, 256, 3), new("ResNet50", 14, 1024, 256, 1),
    ];
}

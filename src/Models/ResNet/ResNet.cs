using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>The residual networks of 18, 34, 50, 101 and 152 layers.</summary>
/// <remarks>
/// He et al. 2015, arXiv:1512.03385, table 1. 18 and 34 have torchvision's layers and names (basic blocks, no bias,
/// epsilon 1e-5); 50, 101 and 152 have those of Keras (bottlenecks with the stride in the first 1x1, biases, epsilon 1.001e-5).
/// </remarks>
public static class ResNet
{
    private const float TorchEpsilon = 1e-5f;
    private const float KerasEpsilon = 1.001e-5f; // Keras's ResNet value, not the layer's default

    /// <summary>Builds a network: [N,H,W,3] to [N,H/32,W/32,512 or 2048], to [N,C] with pooling, or to class probabilities with its top.</summary>
    /// <param name="depth">18, 34, 50, 101 or 152.</param>
    /// <param name="includeTop">True adds global average pooling and the classifier.</param>
    /// <param name="height">Rows of the image, at least 32.</param>
    /// <param name="width">Columns of the image, at least 32.</param>
    /// <param name="pooling">What stands behind the base without top.</param>
    /// <param name="classes">Outputs of the top.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no network of that depth.</exception>
    public static Model Build(int depth, bool includeTop = true, int height = 224, int width = 224, Pooling pooling = Pooling.None, int classes = 1000)
    {
        Node input = Node.Input(new Shape(height, width, 3), "input_1");
        Node x = depth switch
        {
            18 => BasicBody(input, [2, 2, 2, 2]),
            34 => BasicBody(input, [3, 4, 6, 3]),
            50 => BottleneckBody(input, [3, 4, 6, 3]),
            101 => BottleneckBody(input, [3, 4, 23, 3]),
            152 => BottleneckBody(input, [3, 8, 36, 3]),
            _ => throw new ArgumentOutOfRangeException(nameof(depth), depth, "ResNets have 18, 34, 50, 101 or 152 layers."),
        };
        string name = $"resnet{depth}", top = depth < 50 ? "fc" : "predictions";
        if (!includeTop)
            return new Model(input, pooling.Apply(x, "avg_pool", "max_pool"), name);
        x = new GlobalAveragePooling2D { Name = "avg_pool" }.Apply(x);
        return new Model(input, new Dense(classes, Activation.Softmax) { Name = top }.Apply(x), name);
    }

    private static Node BasicBody(Node input, int[] blocks)
    {
        Node x = TorchConv(input, 64, 7, 2, Padding2D.All(3), "conv1");
        x = new ReLU { Name = "relu" }.Apply(TorchNorm(x, "bn1"));
        x = new MaxPooling2D(3, 2) { Name = "maxpool", ExplicitPadding = Padding2D.All(1) }.Apply(x);
        return BasicStages(x, blocks, _ => Padding2D.All(1));
    }

    /// <summary>Four stages of basic blocks; the first block of all stages but the first halves the image.</summary>
    /// <param name="x">The input.</param>
    /// <param name="blocks">Blocks of each stage.</param>
    /// <param name="stridedPadding">Border of a 3x3 window of stride 2 on an image of the given shape.</param>
    internal static Node BasicStages(Node x, int[] blocks, Func<Shape, Padding2D> stridedPadding)
    {
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            for (int block = 0; block < blocks[stage]; block++)
                x = BasicBlock(x, 64 << stage, stage > 0 && block == 0 ? 2 : 1, stridedPadding, $"layer{stage + 1}.{block}");
        }
        return x;
    }

    private static Node BasicBlock(Node x, int filters, int stride, Func<Shape, Padding2D> stridedPadding, string name)
    {
        Node shortcut = stride == 1 ? x : TorchNorm(TorchConv(x, filters, 1, stride, Padding2D.None, $"{name}.downsample.0"), $"{name}.downsample.1");
        Node y = TorchNorm(TorchConv(x, filters, 3, stride, stride == 1 ? Padding2D.All(1) : stridedPadding(x.Shape), $"{name}.conv1"), $"{name}.bn1");
        y = new ReLU { Name = $"{name}.relu1" }.Apply(y);
        y = TorchNorm(TorchConv(y, filters, 3, 1, Padding2D.All(1), $"{name}.conv2"), $"{name}.bn2");
        y = new Add { Name = $"{name}.add" }.Apply(y, shortcut);
        return new ReLU { Name = $"{name}.relu2" }.Apply(y);
    }

    internal static Node TorchConv(Node x, int filters, int size, int stride, Padding2D padding, string name) =>
        new Conv2D(filters, size, size) { Name = name, Strides = (stride, stride), ExplicitPadding = padding, UseBias = false }.Apply(x);

    // torch's momentum 0.1 is the share of the new statistics; Keras's 0.9 that of the old ones.
    internal static Node TorchNorm(Node x, string name) => new BatchNormalization { Name = name, Epsilon = TorchEpsilon, Momentum = 0.9f }.Apply(x);

    private static Node BottleneckBody(Node input, int[] blocks)
    {
        Node x = new ZeroPadding2D(Padding2D.All(3)) { Name = "conv1_pad" }.Apply(input);
        x = new ReLU { Name = "conv1_relu" }.Apply(KerasConvNorm(x, 64, 7, 2, "conv1"));
        x = new ZeroPadding2D(Padding2D.All(1)) { Name = "pool1_pad" }.Apply(x);
        x = new MaxPooling2D(3, 2) { Name = "pool1_pool" }.Apply(x);
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            for (int block = 0; block < blocks[stage]; block++)
                x = Bottleneck(x, 64 << stage, stage > 0 && block == 0 ? 2 : 1, block == 0, $"conv{stage + 2}_block{block + 1}");
        }
        return x;
    }

    private static Node Bottleneck(Node x, int filters, int stride, bool project, string name)
    {
        Node shortcut = project ? KerasConvNorm(x, 4 * filters, 1, stride, $"{name}_0") : x;
        Node y = new ReLU { Name = $"{name}_1_relu" }.Apply(KerasConvNorm(x, filters, 1, stride, $"{name}_1"));
        y = new ReLU { Name = $"{name}_2_relu" }.Apply(KerasConvNorm(y, filters, 3, 1, $"{name}_2"));
        y = new Add { Name = $"{name}_add" }.Apply(shortcut, KerasConvNorm(y, 4 * filters, 1, 1, $"{name}_3"));
        return new ReLU { Name = $"{name}_out" }.Apply(y);
    }

    private static Node KerasConvNorm(Node x, int filters, int size, int stride, string name)
    {
        Padding padding = size == 3 ? Padding.Same : Padding.Valid;
        Node y = new Conv2D(filters, size, size) { Name = $"{name}_conv", Strides = (stride, stride), Padding = padding }.Apply(x);
        return new BatchNormalization { Name = $"{name}_bn", Epsilon = KerasEpsilon }.Apply(y);
    }
}

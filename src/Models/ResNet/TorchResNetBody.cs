using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>The stages of torchvision's ResNets, with its layer names.</summary>
/// <param name="bottleneck">True for blocks of 1x1, 3x3, 1x1; false for two 3x3.</param>
/// <param name="blocks">Blocks of each stage.</param>
/// <param name="stem">Channels of the first convolution.</param>
/// <param name="planes">Channels of each stage's 3x3 convolutions; null is 64, 128, 256, 512.</param>
/// <param name="strided">Border of a window of stride 2 with the given rows on an image of the given shape; null is half the window.</param>
internal sealed class TorchResNetBody(bool bottleneck, int[] blocks, int stem = 64, int[]? planes = null, Func<Shape, int, Padding2D>? strided = null)
{
    private const float Epsilon = 1e-5f;
    private const int Expansion = 4; // of a bottleneck's last convolution

    private readonly int[] _planes = planes ?? [64, 128, 256, 512];
    private readonly Func<Shape, int, Padding2D> _strided = strided ?? ((_, rows) => Padding2D.All(rows / 2));

    public Node Apply(Node input)
    {
        Node x = ConvNorm(input, stem, 7, 2, "conv1", "bn1");
        x = new ReLU { Name = "relu" }.Apply(x);
        x = new MaxPooling2D(3, 2) { Name = "maxpool", ExplicitPadding = _strided(x.Shape, 3) }.Apply(x);
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            for (int block = 0; block < blocks[stage]; block++)
                x = Block(x, _planes[stage], stage > 0 && block == 0 ? 2 : 1, $"layer{stage + 1}.{block}");
        }
        return x;
    }

    private Node Block(Node x, int filters, int stride, string name)
    {
        int outputs = bottleneck ? Expansion * filters : filters;
        Node shortcut = stride == 1 && x.Shape[-1] == outputs ? x : ConvNorm(x, outputs, 1, stride, $"{name}.downsample.0", $"{name}.downsample.1");
        Node y = ConvNorm(x, filters, bottleneck ? 1 : 3, bottleneck ? 1 : stride, $"{name}.conv1", $"{name}.bn1");
        y = new ReLU { Name = $"{name}.relu1" }.Apply(y);
        y = ConvNorm(y, filters, 3, bottleneck ? stride : 1, $"{name}.conv2", $"{name}.bn2");
        if (bottleneck)
            y = ConvNorm(new ReLU { Name = $"{name}.relu2" }.Apply(y), outputs, 1, 1, $"{name}.conv3", $"{name}.bn3");
        y = new Add { Name = $"{name}.add" }.Apply(y, shortcut);
        return new ReLU { Name = $"{name}.relu" }.Apply(y);
    }

    private Node ConvNorm(Node x, int filters, int size, int stride, string conv, string norm)
    {
        Padding2D border = size == 1 ? Padding2D.None : stride == 1 ? Padding2D.All(size / 2) : _strided(x.Shape, size);
        x = new Conv2D(filters, size, size) { Name = conv, Strides = (stride, stride), ExplicitPadding = border, UseBias = false }.Apply(x);
        // torch's momentum 0.1 is the share of the new statistics, 0.9 that of the old ones
        return new BatchNormalization { Name = norm, Epsilon = Epsilon, Momentum = 0.9f, UnbiasedMovingVariance = true }.Apply(x);
    }
}

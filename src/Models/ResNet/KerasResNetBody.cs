using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>The stages of Keras's ResNets, with the layer names of either generation.</summary>
/// <param name="variant">Keras or KerasOld.</param>
/// <param name="blocks">Blocks of each stage.</param>
internal sealed class KerasResNetBody(ResNetVariant variant, int[] blocks)
{
    private const int Expansion = 4; // of a bottleneck's last convolution

    private readonly bool _old = variant == ResNetVariant.KerasOld;
    private int _activations, _adds;

    public Node Apply(Node input)
    {
        Node x = new ZeroPadding2D(Padding2D.All(3)) { Name = "conv1_pad" }.Apply(input);
        x = Activate(ConvNorm(x, 64, 7, 2, _old ? "conv1" : "conv1_conv", _old ? "bn_conv1" : "conv1_bn"), "conv1_relu");
        x = new ZeroPadding2D(Padding2D.All(1)) { Name = "pool1_pad" }.Apply(x);
        x = new MaxPooling2D(3, 2) { Name = _old ? "max_pooling2d_1" : "pool1_pool" }.Apply(x);
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            for (int block = 0; block < blocks[stage]; block++)
                x = Block(x, 64 << stage, stage > 0 && block == 0 ? 2 : 1, stage + 2, block);
        }
        return x;
    }

    private Node Block(Node x, int filters, int stride, int stage, int block)
    {
        string name = $"conv{stage}_block{block + 1}";
        Node Part(Node from, int outputs, int size, int step, int part)
        {
            string place = $"{stage}{(char)('a' + block)}_branch{(part == 0 ? "1" : $"2{(char)('a' + part - 1)}")}";
            return ConvNorm(from, outputs, size, step, _old ? $"res{place}" : $"{name}_{part}_conv", _old ? $"bn{place}" : $"{name}_{part}_bn");
        }
        Node shortcut = block == 0 ? Part(x, Expansion * filters, 1, stride, 0) : x;
        Node y = Activate(Part(x, filters, 1, stride, 1), $"{name}_1_relu");
        y = Activate(Part(y, filters, 3, 1, 2), $"{name}_2_relu");
        y = Part(y, Expansion * filters, 1, 1, 3);
        var add = new Add { Name = _old ? $"add_{++_adds}" : $"{name}_add" };
        return Activate(_old ? add.Apply(y, shortcut) : add.Apply(shortcut, y), $"{name}_out");
    }

    private Node Activate(Node x, string name) => new ReLU { Name = _old ? $"activation_{++_activations}" : name }.Apply(x);

    private Node ConvNorm(Node x, int filters, int size, int stride, string conv, string norm)
    {
        Padding padding = size == 3 ? Padding.Same : Padding.Valid;
        x = new Conv2D(filters, size, size) { Name = conv, Strides = (stride, stride), Padding = padding }.Apply(x);
        return new BatchNormalization { Name = norm, Epsilon = _old ? 1e-3f : 1.001e-5f }.Apply(x); // 1.001e-5 is Keras's ResNet value, not the layer's default
    }
}

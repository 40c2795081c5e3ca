namespace Graft.Models;

/// <summary>Whose ResNet: they differ in names, BatchNormalization epsilon, biases and the place of the stride, so that the weights of one are wrong in another.</summary>
public enum ResNetVariant
{
    /// <summary>tf.keras and Keras 3: layers "conv2_block1_1_conv", epsilon 1.001e-5, convolutions with bias, the stride in the first 1x1. Pixels as caffe.</summary>
    Keras,

    /// <summary>keras-applications up to 1.0.8 (Keras 1 to 2.3), ResNet50 alone: layers "res2a_branch2a", epsilon 1e-3, otherwise as <see cref="Keras"/>.</summary>
    KerasOld,

    /// <summary>torchvision: layers "layer1.0.conv1", epsilon 1e-5, no biases, the stride in the 3x3 (called v1.5). Pixels as torch.</summary>
    Torch,
}

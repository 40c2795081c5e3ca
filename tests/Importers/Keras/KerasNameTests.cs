using Graft.Importers.Keras;
using Xunit;

namespace Graft.Tests.Importers.Keras;

public sealed class KerasNameTests
{
    [Theory]
    [InlineData("block1_conv1_W_1:0", "block1_conv1", "", "block1_conv1", "kernel")] // Keras 1
    [InlineData("block1_conv1_b_1:0", "block1_conv1", "", "block1_conv1", "bias")]
    [InlineData("bn_conv1_gamma:0", "bn_conv1", "", "bn_conv1", "gamma")]
    [InlineData("bn2a_branch2a_running_mean_1:0", "bn2a_branch2a", "", "bn2a_branch2a", "moving_mean")]
    [InlineData("bn2a_branch2a_running_std:0", "bn2a_branch2a", "", "bn2a_branch2a", "moving_variance")]
    [InlineData("fire2/squeeze1x1_b", "fire2/squeeze1x1", "", "fire2/squeeze1x1", "bias")]
    [InlineData("uniform2", "fire2/squeeze1x1", "", "fire2/squeeze1x1", "7")]
    [InlineData("conv1_conv/kernel:0", "conv1_conv", "", "conv1_conv", "kernel")] // Keras 2
    [InlineData("conv1_bn/moving_variance:0", "conv1_bn", "", "conv1_bn", "moving_variance")]
    [InlineData("fire2/squeeze1x1/kernel:0", "fire2/squeeze1x1", "", "fire2/squeeze1x1", "kernel")]
    [InlineData("dense_1_1/kernel:0", "dense_1", "", "dense_1_1", "kernel")] // made unique by TensorFlow
    [InlineData("block1_conv1/kernel:0", "vgg16", "", "block1_conv1", "kernel")] // a nested model's group
    [InlineData("sequential_2/dense_4/kernel", "dense_4", "", "dense_4", "kernel")] // Keras 3
    [InlineData("inner/dense_4/kernel", "outer", "inner", "dense_4", "kernel")]
    [InlineData("kernel", "dense", "", "dense", "kernel")]
    public void A_name_of_any_Keras_gives_layer_and_parameter(string path, string group, string within, string layer, string parameter) =>
        Assert.Equal(new KerasName(path, within, layer, parameter), KerasName.Parse(path, group, place: 7));
}

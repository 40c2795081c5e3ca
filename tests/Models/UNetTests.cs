using Graft.Inference;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>The way up from any network: which of its feature maps are joined, and that a frozen one is computed once.</summary>
public sealed class UNetTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Each_size_is_joined_at_the_last_layer_that_all_of_the_network_goes_through()
    {
        Joins(ImageNetResNet18.Build(), "layer4.2.relu 7", "layer3.1.relu 14", "layer2.1.relu 28", "layer1.1.relu 56", "relu 112");
        Joins(ResNet.Build(50, includeTop: false), "conv5_block3_out 7", "conv4_block6_out 14", "conv3_block4_out 28", "conv2_block3_out 56", "conv1_relu 112"); // not the 114 pixels of its padding
        Joins(ResNet.Build(50, includeTop: false, variant: ResNetVariant.Torch), "layer4.2.relu 7", "layer3.5.relu 14", "layer2.3.relu 28", "layer1.2.relu 56", "relu 112"); // not within the block that halves
        Joins(Vgg16.Build(includeTop: false, 150, 150), "block5_pool 4", "block5_conv3 9", "block4_conv3 18", "block3_conv3 37", "block2_conv2 75", "block1_conv2 150");
        Joins(SqueezeNet.Build(includeTop: false), "fire9/concat 13", "fire5/concat 27", "fire3/concat 56", "relu_conv1 113");
    }

    [Fact]
    public void Layers_without_padding_and_models_inside_are_seen_through()
    {
        var inner = new Sequential(32, 32, 3) { Name = "inner" };
        inner.Add(new Conv2D(4, 3) { Name = "a" }); // 30
        inner.Add(new Conv2D(4, 3) { Name = "b" }); // 28
        inner.Add(new MaxPooling2D(2) { Name = "c" }); // 14
        inner.Add(new Conv2D(6, 3) { Name = "d" }); // 12
        var outer = new Sequential(32, 32, 3) { new Rescaling(1 / 255f) { Name = "rescale" }, inner, new MaxPooling2D(2) { Name = "e" } };
        Joins(outer, "e 6", "d 12", "b 28");
        Model unet = UNet.Build(outer, 2, 16);
        Assert.Equal(new Shape(32, 32, 2), unet.Outputs[0].Shape); // 6, 12, 28 (by Resizing), 32
        Assert.Empty(inner.Parameters.Except(unet.Parameters)); // the same weights
        Model twice = UNet.Build(UNet.Build(unet, 3, 16), 2, 16);
        Joins(twice, "logits_3 32");
        Assert.Equal(new Shape(32, 32, 2), twice.Outputs[0].Shape);
    }

    [Fact]
    public void What_is_no_encoder_is_refused()
    {
        string Says(Action build) => Assert.Throws<GraftException>(build).Message;
        Assert.Contains("from [224,224,3] to [1000]; an encoder leads from one image to one feature map", Says(() => UNet.Build(SqueezeNet.Build(height: 224, width: 224), 2)), StringComparison.Ordinal);
        Assert.Contains("1 classes and 128 filters; take 2 classes or more", Says(() => UNet.Build(SqueezeNet.Build(includeTop: false), 1)), StringComparison.Ordinal);
        Assert.Contains("2 classes and 8 filters", Says(() => UNet.Build(SqueezeNet.Build(includeTop: false), 2, 8)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frozen_base_is_computed_once_though_several_of_its_layers_are_read()
    {
        Model pretrained = ResNet.Build(18, includeTop: false, height: 40, width: 40, variant: ResNetVariant.Torch); // 20, 10, 5, 3 and 2 pixels: not by whole factors
        pretrained.SetSeed(1);
        pretrained.Trainable = false;
        float[][] weights = [.. new[] { true, false }.Select(isKept =>
        {
            Model model = UNet.Build(pretrained, 2, 16);
            model.SetSeed(2);
            model.Compile(new Adam(1e-2f), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.MeanIoU);
            History history = model.Fit(Halves(), 3, options: new FitOptions { FeatureCache = isKept ? FeatureCacheOptions.Default : FeatureCacheOptions.Off });
            Assert.Contains(isKept ? "frozen base: 4 training samples computed once, 8 times taken from the cache" : "the cache is off", string.Join("\n", history.Notes), StringComparison.Ordinal);
            return model.Parameters.Where(p => p.IsTrainable).SelectMany(p => p.Value.ToArray()).ToArray();
        })];
        Assert.Equal(weights[1], weights[0]);
    }

    [Fact]
    public void A_file_keeps_it()
    {
        Model model = UNet.Build(ResNet.Build(18, includeTop: false, height: 48, width: 40, variant: ResNetVariant.Torch), 3, 16);
        float[] x = [.. Enumerable.Range(0, 48 * 40 * 3).Select(i => MathF.Sin(i))];
        float[] y = model.Predict(x, new Shape(1, 48, 40, 3))[0];
        ModelFile.Save(model, _files["unet.graft"]);
        Assert.Equal(y, ModelFile.Load(_files["unet.graft"]).Model.Predict(x, new Shape(1, 48, 40, 3))[0]);
    }

    // The left half is dark, the right one bright.
    private static ArrayBatches Halves()
    {
        const int Side = 40, Count = 4;
        float[] labels = [.. Enumerable.Range(0, Count * Side * Side).Select(i => i % Side < Side / 2 ? 0f : 1)];
        return new ArrayBatches([.. labels.SelectMany((l, i) => Enumerable.Range(0, 3).Select(c => l + 0.1f * MathF.Sin(i + c)))], new Shape(Side, Side, 3), labels, new Shape(Side, Side), LabelKind.Sparse, 2, 1);
    }

    private static void Joins(Model encoder, params string[] layers) =>
        Assert.Equal(layers, UNet.Scales(encoder).Select(n => $"{n.Layer.Name} {n.Shape[0]}"));
}

using Graft.Cli;
using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Importers.PyTorch;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>A network from a file as a base: where its head is cut off, and how pixels are prepared.</summary>
[Collection("command line")]
public sealed class ImportedBaseTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_Keras_model_is_cut_behind_its_last_image()
    {
        string path = GraftShared.Path("reference", "keras", "whole_models", "keras3", "small_vgg_rmsprop.keras");
        Assert.Equal(32, ImportedBase.DefaultSize(path));
        Model model = PretrainedBase.Load(path, null, 32, "rescale");
        Assert.Equal(3, model.Outputs[0].Shape.Rank);
        Assert.DoesNotContain(ImportedBase.Leaves(model), l => l is Flatten or Dense);
        Assert.False(model.Trainable);
        Assert.Equal("rescale", model.Preprocessing!.Name);
        Assert.Equal(2, PretrainedBase.Unfreeze(model, 2).Count);
        Assert.True(model.Trainable);
        Assert.All(ImportedBase.Leaves(model).OfType<BatchNormalization>(), l => Assert.False(l.Trainable));
        Assert.Contains("add --preprocess", Assert.Throws<UsageException>(() => PretrainedBase.Load(path, null, 32)).Message, StringComparison.Ordinal);
        Assert.Contains("a base takes one image [64,64,3]", Assert.Throws<GraftException>(() => PretrainedBase.Load(path, null, 64, "tf")).Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void A_fully_convolutional_classifier_is_cut_before_its_convolution_to_the_classes()
    {
        var model = new Sequential(16, 16, 3)
        {
            new Rescaling(1 / 255f), new Conv2D(8, 3, 3) { Name = "features" }, new Conv2D(5, 1, 1), new GlobalAveragePooling2D(), new ActivationLayer(Activation.Softmax),
        };
        ModelFile.Save(model, _files["fcn.graft"]);
        Model cut = PretrainedBase.Load(_files["fcn.graft"], null, 16);
        Assert.Equal("features", cut.Outputs[0].Layer.Name);
        Assert.Equal("none", cut.Preprocessing!.Name); // Rescaling is inside
        model.Release();
        cut.Release();
    }

    [Theory]
    [InlineData(OnnxLayout.ChannelsLast)]
    [InlineData(OnnxLayout.ChannelsFirst)]
    public void An_ONNX_network_is_cut_behind_its_last_image_and_gives_its_features(OnnxLayout layout)
    {
        Model resnet = ResNet.Build(18, height: 64, width: 64, classes: 5);
        Inference.PlanModels.Fill(resnet);
        OnnxExport.Write(resnet, _files["r.onnx"], new OnnxExportOptions { Layout = layout });
        Assert.Equal(64, ImportedBase.DefaultSize(_files["r.onnx"]));
        Model cut = PretrainedBase.Load(_files["r.onnx"], null, 64, "torch");
        Assert.Equal(new Shape(2, 2, 512), cut.Outputs[0].Shape);
        Assert.Equal("torch", cut.Preprocessing!.Name);
        Assert.NotEmpty(PretrainedBase.Unfreeze(cut, 1));
        var features = new Model(resnet.Inputs, [resnet.Nodes.Last(n => n.Shape.Equals(new Shape(2, 2, 512)))]);
        float[] x = Inference.PlanModels.Samples(cut, 2);
        float[] expected = [.. features.Predict(x, new Shape(2, 64, 64, 3)).SelectMany(r => r)], actual = [.. cut.Predict(x, new Shape(2, 64, 64, 3)).SelectMany(r => r)];
        Assert.InRange(Inference.PlanModels.Deviation(expected, actual), 0, 1e-5); // the same plans, twenty layers deep
        cut.Release();
        resnet.Release();
    }

    [Fact]
    public void Weights_without_a_network_are_told_with_what_to_give()
    {
        string path = TorchGolden.Path("tensors_zip.pth");
        string error = GraftRun.Fails(1, "tensors_zip.pth: holds weights without their network (PyTorch zip). Name the network as a file of ONNX (torch.onnx.export writes one)", "finetune", "--data", "x", "--base", path, "--output", "y");
        Assert.DoesNotContain("WeightFiles", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_of_gray_images_is_refused()
    {
        string path = GraftShared.Path("corpora", "wild", "N-Harish__onnx_converted_model", "mnist.h5");
        Assert.Contains("takes [28,28,1]", Assert.Throws<GraftException>(() => PretrainedBase.Load(path, null, 28, "rescale")).Message, StringComparison.Ordinal);
    }
}

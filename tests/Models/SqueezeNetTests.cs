using Graft.Cli;
using Graft.Importers.Images;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

[Collection(CpuThreadsCollection.Name)] // a whole network: the worker pool is to be had alone
public sealed class SqueezeNetTests
{
    private static string Weights => GraftShared.Path("corpora", "wild", "DeepCognition__keras-squeezenet", "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5");

    [Theory]
    [InlineData(true, 1_235_496)] // as Keras's summary of keras-squeezenet counts them
    [InlineData(false, 722_496)]
    public void Parameter_counts_are_those_of_the_Keras_version(bool top, long count) => Assert.Equal(count, SqueezeNet.Build(top).Parameters.Sum(p => p.Shape.Count));

    [Fact]
    public void Sizes_are_rounded_down_and_the_top_gives_probabilities()
    {
        Assert.Equal(new Shape(13, 13, 512), SqueezeNet.Build(includeTop: false).Outputs[0].Shape);
        Assert.Equal(new Shape(512), SqueezeNet.Build(includeTop: false, 64, 48, Pooling.Average).Outputs[0].Shape);
        Model model = SqueezeNet.Build(includeTop: true, 48, 48, classes: 7);
        float[] y = model.Predict(new float[48 * 48 * 3], new Shape(1, 48, 48, 3))[0];
        Assert.Equal(7, y.Length);
        Assert.Equal(1, y.Sum(), 1e-5f);
        model.Release();
    }

    [Fact]
    public void A_weight_file_of_Keras_1_whose_kernels_have_no_names_is_read_by_place()
    {
        KerasHdf5 file = KerasHdf5.Open(Weights);
        Assert.Contains("fire2/squeeze1x1/bias", file.Names);
        Assert.Contains("fire2/squeeze1x1/0", file.Names); // "uniform2" there
        Model model = SqueezeNet.Build(includeTop: false);
        WeightReport report = SqueezeNet.LoadWeights(model, file);
        Assert.Equal(50, report.Matched.Count);
        Assert.True(report.IsComplete);
        Assert.Same(Preprocessing.Caffe, model.Preprocessing);
        string message = Assert.Throws<GraftException>(() => SqueezeNet.LoadWeights(SqueezeNet.Build(), file)).Message;
        Assert.Contains("conv10/kernel", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_takes_it_as_a_base_frozen_but_for_the_blocks_that_are_asked_for()
    {
        Assert.Contains("squeezenet", PretrainedBase.Names);
        Model model = PretrainedBase.Load("squeezenet", Weights, PretrainedBase.DefaultSize("squeezenet"));
        Assert.Equal(new Shape(227, 227, 3), model.Inputs[0].Shape);
        Assert.Same(Preprocessing.Caffe, model.Preprocessing);
        Assert.False(model.Trainable);
        Assert.Equal(["fire8", "fire9"], PretrainedBase.Unfreeze(model, 2));
        Assert.Equal(12, model.Parameters.Count(p => p.IsTrainable)); // three convolutions a block, with bias
        Assert.Contains("--weights FILE", Assert.Throws<UsageException>(() => PretrainedBase.Load("squeezenet", null, 64)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_head_on_the_frozen_base_tells_cats_from_dogs()
    {
        string train = GraftShared.Path("data", "cats_dogs", "train"), validation = GraftShared.Path("data", "cats_dogs", "validation");
        const int Size = 160; // smaller than the 227 of its training, for the test's sake
        Model squeezeNet = SqueezeNet.Build(includeTop: false, Size, Size, Pooling.Average);
        SqueezeNet.LoadWeights(squeezeNet, KerasHdf5.Open(Weights));
        squeezeNet.Trainable = false;
        var options = new ImageFolderOptions { LabelKind = LabelKind.Binary, Resize = ResizeFilter.Bilinear };
        (float[] trainFeatures, float[] trainLabels) = Features(squeezeNet, ImageFolder.Open(train, squeezeNet, 32, options));
        (float[] features, float[] labels) = Features(squeezeNet, ImageFolder.Open(validation, squeezeNet, 32, options));
        var head = new Sequential(512) { new Dense(256, Activation.ReLU), new Dense(1, Activation.Sigmoid) };
        head.Compile(new Adam(), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        head.Fit(Batches(trainFeatures, trainLabels, shuffleSeed: 1), epochs: 15);
        double accuracy = head.Evaluate(Batches(features, labels))["accuracy"];
        Assert.True(accuracy >= 0.91, $"validation accuracy {accuracy}");
        head.Optimizer!.Dispose();
        head.Release();
        squeezeNet.Release();
    }

    // A frozen base gives the same features in every epoch: they are computed once.
    private static (float[] Features, float[] Labels) Features(Model model, ImageFolder folder) =>
        ([.. model.Predict(folder).SelectMany(f => f)], [.. folder.Classes.Select(c => (float)c)]);

    private static ArrayBatches Batches(float[] features, float[] labels, int? shuffleSeed = null) =>
        new(features, new Shape(512), labels, new Shape(1), LabelKind.Binary, batchSize: 32, shuffleSeed);
}

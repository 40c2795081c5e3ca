using Graft.Autograd;
using Graft.Importers.Keras;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>VGG16 and ResNet50 with weights from Keras files against what Keras computed: reference/keras/README.md, tolerances included.</summary>
public sealed class KerasApplicationTests
{
    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", .. parts]);

    [Theory]
    [InlineData("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5.gz")] // Keras 1's layout
    [InlineData("vgg16_notop_keras2.h5.gz")]
    public void VGG16_computes_what_Keras_computes(string file)
    {
        using var files = new TemporaryFiles();
        Model model = Vgg16.Build(includeTop: false, 150, 150);
        WeightReport report = Vgg16.LoadWeights(model, KerasHdf5.Open(files.Unpack(Reference("vgg16_notop", file))));
        Assert.Equal(26, report.Matched.Count);
        Assert.True(report.IsComplete);
        Assert.Equal(Preprocessing.Caffe, model.Preprocessing);
        Stages stages = Stages.Run(model, Reference("vgg16_notop", "images_uint8.npy"), ["block1_pool", "block3_pool", "block5_pool"]);
        stages.Check("block1_pool", Reference("vgg16_notop", "block1_pool_image0_every3_in_space.npy"), 2e-4f, images: 1, every: 3);
        stages.Check("block3_pool", Reference("vgg16_notop", "block3_pool.npy"), 2e-4f);
        stages.Check("block5_pool", Reference("vgg16_notop", "block5_pool.npy"), 2e-4f);
    }

    [Theory]
    [InlineData("resnet50_notop_new_names_eps1.001e-5.h5.gz", "new_eps1.001e-5", ResNetVariant.Keras, "pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out")]
    [InlineData("resnet50_notop_old_names_eps1e-3.h5.gz", "old_eps1e-3", ResNetVariant.KerasOld, "max_pooling2d_1", "activation_10", "activation_22", "activation_40", "activation_49")]
    public void ResNet50_of_both_generations_computes_what_Keras_computes(string file, string prefix, ResNetVariant variant, params string[] layers)
    {
        using var files = new TemporaryFiles();
        KerasHdf5 weights = KerasHdf5.Open(files.Unpack(Reference("resnet50_notop", file)));
        Assert.Equal(variant, ResNet.VariantOf(weights));
        Model model = ResNet.Build(50, includeTop: false, variant: variant);
        WeightReport report = ResNet.LoadWeights(model, weights);
        Assert.Equal(318, report.Matched.Count); // 53 convolutions with bias, 53 normalisations of four
        Stages stages = Stages.Run(model, Reference("resnet50_notop", "images_uint8.npy"), layers);
        string Golden(string name) => Reference("resnet50_notop", $"{prefix}_{name}.npy");
        stages.Check(layers[0], Golden("pool1_image0_every4_in_space"), 5e-5f, images: 1, every: 4);
        stages.Check(layers[1], Golden("stage2_image0_every4_in_space"), 1e-4f, images: 1, every: 4);
        stages.Check(layers[2], Golden("stage3_image0_every2_in_space"), 2e-4f, images: 1, every: 2);
        stages.Check(layers[3], Golden("stage4_image0_every4th_channel"), 4e-4f, images: 1, everyChannel: 4);
        stages.Check(layers[4], Golden("output"), 1e-3f);
    }

    [Fact]
    public void Weights_of_the_other_generation_are_refused_by_their_epsilon()
    {
        using var files = new TemporaryFiles();
        KerasHdf5 old = KerasHdf5.Open(files.Unpack(Reference("resnet50_notop", "resnet50_notop_old_names_eps1e-3.h5.gz")));
        Model model = ResNet.Build(50, includeTop: false);
        string message = Assert.Throws<GraftException>(() => ResNet.LoadWeights(model, old)).Message;
        foreach (string part in new[] { "epsilon 1e-3", "1.001e-5", "ResNetVariant.KerasOld" })
            Assert.Contains(part, message, StringComparison.Ordinal);
        WeightReport report = ResNet.LoadWeights(model, old, strict: false);
        Assert.Contains("epsilon 1e-3", Assert.Single(report.Notes), StringComparison.Ordinal);
        Assert.Equal(318, report.Missing.Count);
        Assert.Contains("res2a_branch2a/kernel", report.Unused);
    }

    [Theory]
    [InlineData(ResNetVariant.Keras, "predictions")]
    [InlineData(ResNetVariant.Keras, "probs")] // in the published file, which Keras loads by position
    [InlineData(ResNetVariant.KerasOld, "fc1000")]
    public void The_classifier_of_a_ResNet_is_found_under_the_name_of_each_generation(ResNetVariant variant, string name)
    {
        var top = new NamedArrays
        {
            Rule = (layer, p) => new WeightName($"{layer}/{p.Name}"), [$"{name}/kernel"] = (new Shape(2048, 3), new float[2048 * 3]), [$"{name}/bias"] = (new Shape(3), [1, 2, 3]),
        };
        Model model = ResNet.Build(50, includeTop: true, 32, 32, classes: 3, variant: variant);
        WeightReport report = ResNet.LoadWeights(model, top, strict: false);
        Assert.Equal([$"{name}/kernel", $"{name}/bias"], report.Matched);
        Assert.Empty(report.Unused);
        Model bare = ResNet.Build(50, includeTop: false, 32, 32, variant: variant);
        Assert.Empty(ResNet.LoadWeights(bare, top, strict: false).Unused); // a classifier may be left over
        model.Release();
    }

    [Fact]
    public void Weights_of_another_model_are_refused_with_both_lists()
    {
        using var files = new TemporaryFiles();
        KerasHdf5 vgg = KerasHdf5.Open(files.Unpack(Reference("vgg16_notop", "vgg16_notop_keras2.h5.gz")));
        string message = Assert.Throws<GraftException>(() => ResNet.LoadWeights(ResNet.Build(50, includeTop: false), vgg)).Message;
        foreach (string part in new[] { "0 matched", "conv1_conv/kernel", "nearest name", "unused block1_conv1/kernel" })
            Assert.Contains(part, message, StringComparison.Ordinal);
    }

    /// <summary>Outputs of several layers for the reference images.</summary>
    private sealed class Stages
    {
        private readonly Dictionary<string, (Shape Shape, float[] Values)> _outputs = [];

        public static Stages Run(Model model, string images, string[] layers)
        {
            (int[] shape, float[] pixels) = Npy.Read(images);
            var x = new float[pixels.Length];
            model.Preprocessing!.Apply(pixels, new Shape(shape), x);
            var stages = new Stages();
            using var tape = new Tape(model.Device);
            var all = new Model(model.Inputs, layers.Select(l => model.Nodes.Single(n => n.Layer.Name == l)));
            Tensor[] outputs = all.Run(tape, [tape.Constant(new Shape(shape), x)]);
            for (int i = 0; i < outputs.Length; i++)
                stages._outputs[layers[i]] = (outputs[i].Shape, outputs[i].ToArray());
            return stages;
        }

        public void Check(string layer, string golden, float tolerance, int images = 2, int every = 1, int everyChannel = 1)
        {
            (int[] dims, float[] expected) = Npy.Read(golden);
            (Shape shape, float[] values) = _outputs[layer];
            int at = 0;
            float worst = 0;
            for (int n = 0; n < images; n++)
            {
                for (int h = 0; h < shape[1]; h += every)
                {
                    for (int w = 0; w < shape[2]; w += every)
                    {
                        for (int c = 0; c < shape[3]; c += everyChannel)
                            worst = MathF.Max(worst, MathF.Abs(expected[at++] - values[((n * shape[1] + h) * shape[2] + w) * shape[3] + c]));
                    }
                }
            }
            Assert.Equal(expected.Length, at);
            Assert.Equal(4, dims.Length);
            Assert.True(worst <= tolerance, $"{layer}: {worst} off, {tolerance} is allowed");
        }
    }
}

using System.IO.Compression;
using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>Weights of whole models, the base nested in a Sequential, from every form that Keras 2 and 3 saved them in: the outputs are Keras's.</summary>
public sealed class KerasWholeModelTests
{
    private const float Tolerance = 1e-5f, FullResNetTolerance = 1e-4f; // reference/keras/README.md

    private static readonly string[] s_stacks = ["small_vgg_rmsprop", "small_resnet_adam", "small_vgg_unfrozen_sgdm"];

    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", "whole_models", .. parts]);

    public static TheoryData<string, string> Files
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string stack in s_stacks)
            {
                foreach (string file in new[] { $"keras3/{stack}.h5", $"keras3/{stack}.weights.h5", $"keras3/{stack}.keras", $"keras2_theano/{stack}.h5", $"keras2_theano/{stack}_weights.h5" })
                    data.Add(stack, file);
            }
            data.Add("small_resnet_adam", "keras3/small_resnet_adam_public_optimizer_name.keras");
            data.Add("small_resnet_adam", "keras2_theano/small_resnet_adam.theano.h5");
            data.Add("small_vgg_unfrozen_sgdm", "keras2_theano/small_vgg_unfrozen_sgdm.theano.h5");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_model_with_a_nested_base_predicts_what_Keras_predicted(string stack, string file)
    {
        KerasHdf5 weights = KerasHdf5.Open(Reference(file.Split('/')));
        using ZipArchive archive = ZipFile.OpenRead(Reference("keras3", $"{stack}.keras"));
        Model model = KerasJson.Model(JsonNode.Parse(archive.GetEntry("config.json")!.Open())!);
        if (file.StartsWith("keras2", StringComparison.Ordinal))
            Renumber(model, weights);
        WeightReport report = WeightLoader.Load(model, weights);
        Assert.Equal(model.Parameters.Count, report.Matched.Count);
        float[] x = Npy.Read(GraftShared.Path("reference", "keras", "training", "data", "x.npy")).Values;
        Compare(model, x[..(8 * 32 * 32 * 3)], new Shape(8, 32, 32, 3), file.Split('/')[0], stack, Tolerance);
    }

    [Fact]
    public void A_ResNet50_nested_in_a_model_of_Keras_3_is_the_one_built_here()
    {
        using var files = new TemporaryFiles();
        KerasHdf5 weights = KerasHdf5.Open(files.Unpack(Reference("keras3", "full_resnet50_adam.keras.gz")));
        Assert.Equal(ResNetVariant.Keras, ResNet.VariantOf(weights));
        Model model = new Sequential(64, 64, 3)
        {
            ResNet.Build(50, includeTop: false, 64, 64), new GlobalAveragePooling2D(), new Dense(16, Activation.ReLU) { Name = "dense" }, new Dense(5, Activation.Softmax) { Name = "dense_1" },
        };
        Assert.True(WeightLoader.Load(model, weights).IsComplete);
        (int[] shape, float[] x) = Npy.Read(Reference("input_full_64_first8.npy"));
        Compare(model, x, new Shape(shape), "keras3", "full_resnet50_adam", FullResNetTolerance);

        Model bare = ResNet.Build(50, includeTop: false, 64, 64); // out of its model: the head is left over
        WeightReport report = ResNet.LoadWeights(bare, weights, strict: false);
        Assert.Equal(318, report.Matched.Count);
        Assert.Equal(["dense/0", "dense/1", "dense_1/0", "dense_1/1"], report.Unused);
    }

    [Fact]
    public void A_VGG16_nested_in_a_model_of_Keras_2_is_the_one_built_here()
    {
        using var files = new TemporaryFiles();
        Model model = new Sequential(48, 48, 3)
        {
            Vgg16.Build(includeTop: false, 48, 48), new Flatten(), new Dense(64, Activation.ReLU) { Name = "dense_1" }, new Dense(1, Activation.Sigmoid) { Name = "dense_2" },
        };
        Assert.True(WeightLoader.Load(model, KerasHdf5.Open(files.Unpack(Reference("keras2_theano", "full_vgg16_rmsprop.h5.gz")))).IsComplete);
        (int[] shape, float[] x) = Npy.Read(Reference("input_full_48_first8.npy"));
        Compare(model, x, new Shape(shape), "keras2_theano", "full_vgg16_rmsprop", Tolerance);
    }

    private static void Compare(Model model, float[] x, Shape shape, string keras, string stack, float tolerance)
    {
        JsonNode facts = JsonNode.Parse(File.ReadAllText(Reference(keras, "facts.json")))![stack]!;
        float[] expected = [.. facts["pred"]!.AsArray().SelectMany(row => row!.AsArray()).Select(v => (float)v!)];
        float[] found = [.. model.Predict(x, shape).SelectMany(row => row)];
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < found.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance);
        model.Release();
    }

    // Keras counts default names on over a session: "conv2d_4" of the one file is "conv2d_3" of the other, in the same order.
    private static void Renumber(Model model, KerasHdf5 weights)
    {
        static (string Stem, int Number) Parts(string name) =>
            int.TryParse(name[(name.LastIndexOf('_') + 1)..], out int n) ? (name[..name.LastIndexOf('_')], n) : (name, 0);
        var there = weights.Names.Select(n => n.Split('/')[^2]).Distinct().Select(n => (Name: n, Parts(n).Stem, Parts(n).Number)).ToLookup(n => n.Stem);
        foreach (var same in KerasWeights.Leaves(model).Where(l => l.Parameters.Count > 0).Select(l => (Layer: l, Parts(l.Name).Stem, Parts(l.Name).Number)).GroupBy(l => l.Stem).ToList())
        {
            string[] names = [.. there[same.Key].OrderBy(n => n.Number).Select(n => n.Name)];
            Assert.Equal(names.Length, same.Count());
            foreach ((Layer layer, string name) in same.OrderBy(l => l.Number).Select(l => l.Layer).Zip(names).ToList())
                layer.Name = name;
        }
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using Graft.Autograd;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>torchvision's networks against what PyTorch computed in float64: reference/hf/README.md, vision_torch, tolerances included.</summary>
[Collection(CpuThreadsCollection.Name)] // large networks: the worker pool is to be had alone
public sealed partial class TorchVisionTests
{
    // Shares of the largest number of a tensor; PyTorch's own float32 differs by a tenth.
    private const double LogitTolerance = 3e-5, StageTolerance = 5e-5, GradientTolerance = 1e-4;

    private const double StatisticTolerance = 1e-5; // absolute

    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "hf", "vision_torch", .. parts]);

    [Theory]
    [InlineData("resnet18", "layer1.1", "layer2.1", "layer3.1", "layer4.1")]
    [InlineData("resnet50", "layer1.2", "layer2.3", "layer3.5", "layer4.2")]
    public void ResNets_with_torchvision_s_weights_compute_what_PyTorch_computes(string name, params string[] lastBlocks)
    {
        FormulaWeights weights = FormulaWeights.Of(name);
        Assert.Equal(ResNetVariant.Torch, ResNet.VariantOf(weights));
        Model model = ResNet.Build(int.Parse(name[6..], System.Globalization.CultureInfo.InvariantCulture), variant: ResNetVariant.Torch, classifierActivation: Activation.Linear);
        Assert.True(ResNet.LoadWeights(model, weights).IsComplete);
        Assert.Equal(Preprocessing.Torch, model.Preprocessing);
        var stages = new Dictionary<string, string> { ["conv1"] = "conv1", ["bn1"] = "bn1", ["maxpool"] = "maxpool", ["avgpool"] = "avg_pool" };
        for (int i = 0; i < lastBlocks.Length; i++)
            stages[$"layer{i + 1}"] = $"{lastBlocks[i]}.relu";
        CompareStages(name, model, stages, "fc");
    }

    [Fact]
    public void VGG16_with_torchvision_s_weights_and_its_top_computes_what_PyTorch_computes()
    {
        Model model = Vgg16.Build(classifierActivation: Activation.Linear);
        Assert.True(Vgg16.LoadWeights(model, FormulaWeights.Of("vgg16")).IsComplete);
        Assert.Equal(Preprocessing.Torch, model.Preprocessing);
        CompareStages("vgg16", model, new()
        {
            ["features.4"] = "block1_pool", ["features.9"] = "block2_pool", ["features.16"] = "block3_pool", ["features.23"] = "block4_pool", ["features.30"] = "block5_pool",
            ["classifier.0"] = "fc1", ["classifier.3"] = "fc2",
        }, "predictions");
    }

    [Theory]
    [InlineData("tiny_basic", false)]
    [InlineData("tiny_basic", true)]
    [InlineData("tiny_bottleneck", false)]
    [InlineData("tiny_bottleneck", true)]
    public void Outputs_gradients_and_moving_statistics_of_a_small_ResNet_equal_PyTorch_s(string name, bool training)
    {
        Model model = Tiny(name);
        Assert.True(ResNet.LoadWeights(model, SafetensorsWeights.Open(Reference(name, "model.safetensors"))).IsComplete);
        CheckTiny(name, model, training);
    }

    [Theory]
    [InlineData("tiny_basic")]
    [InlineData("tiny_bottleneck")]
    public void Files_of_Hugging_Face_s_ResNet_are_the_same_network_under_other_names(string name)
    {
        NamedArrays hub = NamedArrays.Renamed(SafetensorsWeights.Open(Reference(name, "model.safetensors")), HubName);
        foreach (string expected in new[]
        {
            "resnet.embedder.embedder.convolution.weight", "resnet.embedder.embedder.normalization.running_var", "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
            "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "resnet.encoder.stages.3.layers.0.shortcut.normalization.bias", "classifier.1.weight",
        })
            Assert.Contains(expected, hub.Names);
        Assert.Equal(ResNetVariant.Torch, ResNet.VariantOf(hub));
        Model model = Tiny(name);
        Assert.True(ResNet.LoadWeights(model, hub).IsComplete);
        CheckTiny(name, model, training: false);

        Model bare = Tiny(name); // a ResNetModel has no prefix and no classifier
        NamedArrays trunk = NamedArrays.Renamed(hub, n => n.StartsWith("resnet.", StringComparison.Ordinal) ? n["resnet.".Length..] : null);
        WeightReport report = ResNet.LoadWeights(bare, trunk, strict: false);
        Assert.Equal(2, report.Missing.Count);
        Assert.All(report.Missing, m => Assert.StartsWith("fc/", m, StringComparison.Ordinal));
        Assert.Empty(report.Unused);
    }

    [Fact]
    public void A_prefix_in_front_of_all_names_is_taken_as_it_is()
    {
        WeightFile weights = SafetensorsWeights.Open(Reference("tiny_basic", "model.safetensors"));
        Model model = Tiny("tiny_basic");
        Assert.True(ResNet.LoadWeights(model, NamedArrays.Renamed(weights, n => $"module.{n}")).IsComplete); // DataParallel
        CheckTiny("tiny_basic", model, training: false);
    }

    [Fact]
    public void The_classifier_of_a_file_is_left_out_where_the_model_has_none()
    {
        WeightFile weights = SafetensorsWeights.Open(Reference("tiny_basic", "model.safetensors"));
        foreach (WeightFile file in new[] { weights, NamedArrays.Renamed(weights, HubName) })
            Assert.True(ResNet.LoadWeights(Tiny("tiny_basic", includeTop: false), file).IsComplete);
    }

    [Fact]
    public void Timm_s_VGG16_has_its_dense_layers_as_convolutions()
    {
        // [out=2, C=2, H=1, W=2] over a flattened [H,W,C] image: rows c,h,w become h,w,c
        var name = new WeightName("pre_logits.fc1.weight", WeightLayout.DenseOihw) { FlattenedImage = new Shape(1, 2, 2) };
        Assert.Equal(new Shape(2, 2, 1, 2), name.FileShape(new Shape(4, 2)));
        Assert.Equal([1, 5, 3, 7, 2, 6, 4, 8], name.Convert([1, 2, 3, 4, 5, 6, 7, 8], new Shape(4, 2)));
    }

    private static void CompareStages(string network, Model model, Dictionary<string, string> stages, string logits)
    {
        var expected = new SafetensorsFile(Reference($"{network}_outputs.safetensors"));
        JsonElement facts = JsonDocument.Parse(File.ReadAllText(Reference("stages.json"))).RootElement.GetProperty(network).GetProperty("stages");
        Assert.Equal(facts.EnumerateObject().Select(s => s.Name).Order(StringComparer.Ordinal), stages.Keys.Order(StringComparer.Ordinal));
        using (var tape = new Tape(model.Device))
        {
            string[] layers = [.. stages.Values, logits];
            var all = new Model(model.Inputs, layers.Select(l => model.Nodes.Single(n => n.Layer.Name == l)));
            Tensor[] outputs = all.Run(tape, [tape.Constant(new Shape(1, 224, 224, 3), FormulaWeights.Input())]);
            int i = 0;
            foreach (string stage in stages.Keys)
                CompareStage(stage, expected.Read($"stage.{stage}.sample").Values, facts.GetProperty(stage), outputs[i++]);
            Near("logits", expected.Read("logits").Values, outputs[i].ToArray(), LogitTolerance);
        }
        model.Release();
    }

    // The reference takes every stride-th number of the flattened [1,C,H,W]; here it lies at [1,H,W,C].
    private static void CompareStage(string stage, double[] expected, JsonElement facts, Tensor output)
    {
        int stride = facts.GetProperty("flat_stride").GetInt32(), channels = output.Shape[-1], pixels = (int)(output.Shape.Count / channels);
        float[] values = output.ToArray();
        // Dense layers keep their ReLU here, PyTorch's stage is in front of it.
        double[] due = stage.StartsWith("classifier", StringComparison.Ordinal) ? [.. expected.Select(v => Math.Max(0, v))] : expected;
        Near(stage, due, [.. expected.Select((_, i) => values[i * stride % pixels * channels + i * stride / pixels])], StageTolerance);
    }

    private static void CheckTiny(string name, Model model, bool training)
    {
        var reference = new SafetensorsFile(Reference(name, "reference.safetensors"));
        string mode = training ? "train" : "eval";
        (Shape shape, double[] planes) = reference.Read("x");
        var toImages = new WeightName("x", WeightLayout.ConvOihw); // [N,C,H,W] to [N,H,W,C] is the same turn
        var images = new Shape(shape[0], shape[2], shape[3], shape[1]);
        float[] Turned(string tensor) => toImages.Convert(Array.ConvertAll(reference.Read(tensor).Values, v => (float)v), images);
        using (var tape = new Tape(model.Device) { Training = training })
        {
            Tensor x = tape.Constant(images, toImages.Convert(Array.ConvertAll(planes, v => (float)v), images));
            tape.Watch(x);
            foreach (Parameter p in model.Parameters.Where(p => p.IsTrainable))
                tape.Watch(p.Value); // layers ask for gradients in training alone
            Tensor y = model.Run(tape, [x])[0];
            float[] logits = y.ToArray();
            Near("logits", reference.Read($"{mode}.logits").Values, logits, LogitTolerance);
            (double loss, float[] upstream) = CrossEntropy(logits, reference.Read("y").Values);
            Near("loss", reference.Read($"{mode}.loss").Values, [(float)loss], LogitTolerance);
            tape.Backward(y, upstream);
            Near("gradient of x", [.. Turned($"{mode}.grad_x").Select(v => (double)v)], tape.Gradient(x)!.ToArray(), GradientTolerance);
            SafetensorsWeights gradients = SafetensorsWeights.Open(Reference(name, $"grads_{mode}.safetensors"));
            Assert.Equal(model.Parameters.Count(p => p.IsTrainable), gradients.Names.Count);
            foreach (Parameter p in model.Parameters.Where(p => p.IsTrainable))
            {
                WeightName at = WeightName.Torch(p.LayerName, p);
                Near(at.Name, [.. at.Convert(gradients.Read(at.Name), p.Shape).Select(v => (double)v)], tape.Gradient(p.Value)!.ToArray(), GradientTolerance);
            }
        }
        foreach (Parameter p in model.Parameters.Where(p => p.IsStatistic && training))
        {
            double[] due = reference.Read($"after_train_step.{WeightName.Torch(p.LayerName, p).Name}").Values;
            Assert.All(due.Zip(p.Value.ToArray()), v => Assert.Equal(v.First, v.Second, StatisticTolerance));
        }
        model.Release();
    }

    /// <summary>Mean cross entropy of softmax, and its gradient.</summary>
    private static (double Loss, float[] Gradient) CrossEntropy(float[] logits, double[] labels)
    {
        int classes = logits.Length / labels.Length;
        var gradient = new float[logits.Length];
        double loss = 0;
        for (int n = 0; n < labels.Length; n++)
        {
            ReadOnlySpan<float> row = logits.AsSpan(n * classes, classes);
            double max = double.NegativeInfinity, sum = 0;
            foreach (float v in row)
                max = Math.Max(max, v);
            foreach (float v in row)
                sum += Math.Exp(v - max);
            for (int k = 0; k < classes; k++)
                gradient[n * classes + k] = (float)((Math.Exp(row[k] - max) / sum - (k == (int)labels[n] ? 1 : 0)) / labels.Length);
            loss += (Math.Log(sum) + max - row[(int)labels[n]]) / labels.Length;
        }
        return (loss, gradient);
    }

    private static Model Tiny(string name, bool includeTop = true)
    {
        Node input = Node.Input(new Shape(64, 64, 3));
        TorchResNetBody body = name == "tiny_basic" ? new(bottleneck: false, [2, 1, 1, 1], stem: 8, planes: [8, 16, 24, 32]) : new(bottleneck: true, [1, 1, 1, 1], stem: 16, planes: [16, 32, 48, 64]);
        Node x = body.Apply(input);
        return new Model(input, includeTop ? new Dense(10) { Name = "fc" }.Apply(new GlobalAveragePooling2D().Apply(x)) : x, name);
    }

    // transformers, modeling_resnet.py, written down independently of the importer
    private static string HubName(string torch)
    {
        string name = Stem().Replace(torch, m => $"resnet.embedder.embedder.{(m.Value == "conv1" ? "convolution" : "normalization")}");
        name = Block().Replace(name, m => $"resnet.encoder.stages.{int.Parse(m.Groups[1].Value, null) - 1}.layers.{m.Groups[2].Value}.");
        name = Part().Replace(name, m => $".layer.{int.Parse(m.Groups[2].Value, null) - 1}.{(m.Groups[1].Value == "conv" ? "convolution" : "normalization")}.");
        return name.Replace("downsample.0", "shortcut.convolution", StringComparison.Ordinal).Replace("downsample.1", "shortcut.normalization", StringComparison.Ordinal)
            .Replace("fc.", "classifier.1.", StringComparison.Ordinal);
    }

    private static void Near(string what, double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs), worst = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        Assert.True(worst <= tolerance * scale, $"{what}: {worst / scale:g3} of the largest number off, {tolerance} is allowed");
    }

    [GeneratedRegex(@"^(conv1|bn1)(?=\.)")]
    private static partial Regex Stem();

    [GeneratedRegex(@"^layer(\d)\.(\d)\.")]
    private static partial Regex Block();

    [GeneratedRegex(@"\.(conv|bn)(\d)\.")]
    private static partial Regex Part();
}

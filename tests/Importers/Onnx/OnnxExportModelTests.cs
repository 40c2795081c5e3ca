using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Tests.Golden;
using Graft.Tests.Inference;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>Whole networks, exported and run by ONNX Runtime, against their plans.</summary>
public sealed class OnnxExportModelTests : IDisposable
{
    // Of the output's scale. Winograd and ONNX Runtime's own convolutions differ from plain sums by some 1e-6 a layer.
    private const double Tolerance = 1e-4;

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    public static TheoryData<string> Names => ["vgg16", "vgg16 with top", "resnet 18", "resnet 34", "resnet 50", "resnet 50 of PyTorch", "resnet 101", "resnet 152", "squeezenet", "imagenet resnet 18"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Built_in_networks_give_their_numbers_in_ONNX_Runtime(string name)
    {
        SkipDeep(name);
        Model model = Build(name);
        OnnxExportLayerTests.Check(model, 2, PlanModels.Samples(model, 2), new OnnxExportOptions(), Tolerance);
        model.Release();
    }

    /// <summary>These have the blocks of a ResNet50, only more of them: half a minute of copying weights, which .ci/run takes.</summary>
    internal static void SkipDeep(string name) =>
        Assert.SkipWhen(name is "resnet 101" or "resnet 152" && Environment.GetEnvironmentVariable("GRAFT_TEST_DEEP") != "1", "Repeats a ResNet50's blocks: .ci/run sets GRAFT_TEST_DEEP=1.");

    internal static Model Build(string name) => PlanModels.Fill(name switch
    {
        "vgg16" => Vgg16.Build(includeTop: false, height: 64, width: 48),
        "vgg16 with top" => Vgg16.Build(height: 32, width: 32, classes: 10),
        "resnet 50 of PyTorch" => ResNet.Build(50, height: 64, width: 64, classes: 10, variant: ResNetVariant.Torch),
        "squeezenet" => SqueezeNet.Build(height: 67, width: 67, classes: 10),
        "imagenet resnet 18" => ImageNetResNet18.Build(64, 64),
        _ => ResNet.Build(int.Parse(name.AsSpan("resnet ".Length), System.Globalization.CultureInfo.InvariantCulture), includeTop: false, height: 64, width: 64),
    });

    [Fact]
    public void A_network_has_transposes_at_its_edges_alone()
    {
        Model model = Build("resnet 18");
        foreach ((OnnxLayout layout, int transposes) in new[] { (OnnxLayout.ChannelsLast, 2), (OnnxLayout.ChannelsFirst, 0) })
        {
            byte[] file = OnnxExport.ToBytes(model, new OnnxExportOptions { Layout = layout });
            string path = _files.Write($"{layout}.onnx", file);
            Assert.Equal(transposes, Graft.Importers.Inspection.FileInspector.Open(path).Layers.Count(l => l.Type == "Transpose"));
        }
        model.Release();
        Node x = Node.Input(new Shape(6, 6, 3));
        var head = new Model(x, new Dense(4).Apply(new Flatten().Apply(new Conv2D(5, 3, 3).Apply(x))));
        string dense = _files.Write("dense.onnx", OnnxExport.ToBytes(head, new OnnxExportOptions { Layout = OnnxLayout.ChannelsFirst }));
        Assert.Equal(["Conv", "Flatten", "Gemm"], Graft.Importers.Inspection.FileInspector.Open(dense).Layers.Select(l => l.Type)); // the rows of the dense layer were exchanged
        head.Release();
    }

    [Fact]
    public void Heads_on_a_frozen_base_are_written_with_it()
    {
        Model vgg = Vgg16.Build(includeTop: false, height: 48, width: 48);
        vgg.Trainable = false;
        foreach (Layer[] head in new Layer[][]
        {
            [new Flatten(), new Dense(256, Activation.ReLU), new Dropout(0.5f), new Dense(1, Activation.Sigmoid)],
            [new GlobalAveragePooling2D(), new BatchNormalization(), new Dense(5, Activation.Softmax)],
            [new GlobalMaxPooling2D(), new Dense(16, Activation.Tanh), new Dense(5)],
        })
        {
            var model = new Sequential(48, 48, 3) { vgg };
            foreach (Layer layer in head)
                model.Add(layer);
            PlanModels.Fill(model);
            OnnxExportLayerTests.Check(model, 2, PlanModels.Samples(model, 2), new OnnxExportOptions(), Tolerance);
        }
        vgg.Release();
    }

    [Fact]
    public void The_file_says_who_wrote_it_and_leaves_the_batch_open_unless_told_otherwise()
    {
        Model model = Build("vgg16");
        model.ClassNames = ["cat", "dog"];
        string path = _files["vgg.onnx"];
        OnnxExport.Write(model, path);
        using (var run = new OrtRun(path))
        {
            Assert.Equal(["batch", "64", "48", "3"], run.Dims(run.Inputs[0]));
            Assert.Equal(["batch", "2", "1", "512"], run.Dims(run.Outputs[0]));
            Assert.Equal(model.Inputs[0].Layer.Name, run.Inputs[0]);
            Assert.Equal(model.Outputs[0].Layer.Name, run.Outputs[0]);
        }
        Graft.Importers.Inspection.FileContents contents = Graft.Importers.Inspection.FileInspector.Open(path);
        Assert.Contains(("producer_name", "graft"), contents.Facts);
        Assert.Contains(("opset", "17"), contents.Facts);
        Assert.Contains(contents.Facts, f => f.Name == "graft.class_names" && f.Value == "[\"cat\",\"dog\"]");
        Assert.Contains(contents.Arrays, a => a.Name == "block1_conv1/kernel" && a.Shape.Equals(new Shape(64, 3, 3, 3)));
        using var fixedBatch = new OrtRun(OnnxExport.ToBytes(model, new OnnxExportOptions { BatchSize = 2, Layout = OnnxLayout.ChannelsFirst }));
        Assert.Equal(["2", "3", "64", "48"], fixedBatch.Dims(fixedBatch.Inputs[0]));
        model.Release();
    }

    [Fact]
    public void Weights_beside_the_file_are_the_same()
    {
        Model model = Build("imagenet resnet 18");
        string inside = _files["inside.onnx"], beside = _files["beside.onnx"];
        OnnxExport.Write(model, inside);
        OnnxExport.Write(model, beside, new OnnxExportOptions { ExternalData = true });
        Assert.True(new FileInfo(beside).Length < 100_000 && new FileInfo($"{beside}.data").Length > 40_000_000);
        float[] x = PlanModels.Samples(model, 1);
        Shape shape = model.Inputs[0].Shape.Prepend(1);
        using OrtRun first = new(inside), second = new(beside);
        Assert.Equal(first.Run(shape, x).Values, second.Run(shape, x).Values);
        model.Release();
    }

    [Fact]
    public void Every_preprocessing_may_lie_inside()
    {
        var random = new Random(4);
        byte[] pixels = [.. Enumerable.Range(0, 2 * 8 * 6 * 3).Select(_ => (byte)random.Next(256))];
        float[] mean = [.. Enumerable.Range(0, 8 * 6 * 3).Select(_ => random.NextSingle() * 255)];
        foreach (Preprocessing preprocessing in new[]
        {
            Preprocessing.None, Preprocessing.Rescale, Preprocessing.Caffe, Preprocessing.Tf, Preprocessing.Torch, Preprocessing.Rescale with { MeanImage = new MeanImage(8, 6, mean), Scale = 1 },
        })
        {
            Node x = Node.Input(new Shape(8, 6, 3));
            var model = new Model(x, new Conv2D(4, 3, 3).Apply(x)) { Preprocessing = preprocessing };
            var shape = new Shape(2, 8, 6, 3);
            var prepared = new float[pixels.Length];
            preprocessing.ApplyToBytes(pixels, shape, prepared);
            float[] expected = model.PredictAll([(shape, prepared)])[0].Values;
            foreach (OnnxLayout layout in Enum.GetValues<OnnxLayout>())
            {
                foreach (OnnxPixels kind in Enum.GetValues<OnnxPixels>())
                {
                    using var run = new OrtRun(OnnxExport.ToBytes(model, new OnnxExportOptions { IncludePreprocessing = true, Layout = layout, Pixels = kind }));
                    bool planes = layout == OnnxLayout.ChannelsFirst;
                    float[] floats = Array.ConvertAll(pixels, p => (float)p);
                    float[] given = planes ? Graft.Importers.AxisPermutation.Of(floats, shape, [0, 3, 1, 2]) : floats;
                    Array values = kind == OnnxPixels.UInt8 ? Array.ConvertAll(given, v => (byte)v) : given;
                    (Shape there, float[] y) = run.Run((run.Inputs[0], planes ? new Shape(2, 3, 8, 6) : shape, values))[run.Outputs[0]];
                    if (planes)
                        y = Graft.Importers.AxisPermutation.Of(y, there, [0, 2, 3, 1]);
                    Assert.InRange(PlanModels.Deviation(expected, y), 0, 2e-6);
                }
            }
            model.Release();
        }
    }

    [Fact]
    public void A_mean_image_comes_back_with_the_preprocessing()
    {
        using var files = new TemporaryFiles();
        float[] mean = [.. Enumerable.Range(0, 8 * 6 * 3).Select(i => i / 7f)];
        Node x = Node.Input(new Shape(8, 6, 3));
        var model = new Model(x, new Conv2D(4, 3, 3).Apply(x)) { Preprocessing = (Preprocessing.Caffe with { MeanImage = new MeanImage(8, 6, mean) }).For(new ImageInput(8, 6)) };
        string path = files["mean.onnx"];
        OnnxExport.Write(model, path);
        Preprocessing again = OnnxImport.Load(path).Preprocessing!;
        Assert.Equal(mean, again.MeanImage!.Values.ToArray());
        Assert.Equal(model.Preprocessing with { MeanImage = null, Mean = [], Std = [] }, again with { MeanImage = null, Mean = [], Std = [] });
        foreach (string damaged in new[] { "[]", "{}", """{"height":8,"width":6,"float32":"AAAA"}""", """{"height":-8,"width":6,"float32":""}""", """{"height":1,"width":1,"float32":"!AAAAAAAAAAAAAAA"}""" })
            Assert.Contains("graft.mean_image", Assert.Throws<GraftException>(() => OnnxMetadata.ReadMean(System.Text.Json.Nodes.JsonNode.Parse(damaged)!, path)).Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void Several_inputs_and_outputs_keep_their_names()
    {
        Node image = Node.Input(new Shape(6, 6, 3), "image"), facts = Node.Input(new Shape(4), "facts");
        Node features = new GlobalAveragePooling2D { Name = "pooled" }.Apply(new Conv2D(8, 3, 3) { Name = "conv" }.Apply(image));
        Node joined = new Concatenate { Name = "joined" }.Apply(features, facts);
        Node score = new Dense(1) { Name = "score" }.Apply(joined), kind = new Dense(3, Activation.Softmax) { Name = "kind" }.Apply(joined);
        var model = new Model([image, facts], [score, kind, features, image]);
        PlanModels.Fill(model);
        using var run = new OrtRun(OnnxExport.ToBytes(model));
        Assert.Equal(["image", "facts"], run.Inputs);
        Assert.Equal(["score", "kind", "pooled", "image_1"], run.Outputs);
        float[] a = [.. Enumerable.Range(0, 2 * 108).Select(i => MathF.Sin(i))], b = [.. Enumerable.Range(0, 8).Select(i => MathF.Cos(i))];
        (Shape Shape, float[] Values)[] expected = model.PredictAll([(new Shape(2, 6, 6, 3), a), (new Shape(2, 4), b)]);
        Dictionary<string, (Shape Shape, float[] Values)> results = run.Run(("image", new Shape(2, 6, 6, 3), a), ("facts", new Shape(2, 4), b));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Shape, results[run.Outputs[i]].Shape);
            Assert.InRange(PlanModels.Deviation(expected[i].Values, results[run.Outputs[i]].Values), 0, 2e-6);
        }
        model.Release();
    }

    [Fact]
    public void What_cannot_be_written_is_refused_by_its_layer()
    {
        Node x = Node.Input(new Shape(4));
        Refused(new Model(x, new Lambda((tape, t) => tape.Run(new DropoutOp(0.5f, 1), t)) { Name = "noise" }.Apply(x)), "layer 'noise'", "Dropout", "cannot be written");
        Node sequence = Node.Input(new Shape(3, 2));
        Refused(new Model(sequence, new LSTM(2) { Name = "memory", Stateful = true }.Apply(sequence)), "'memory' (LSTM) is stateful");
        var plain = new Model(x, new Dense(2).Apply(x));
        Refused(plain, new OnnxExportOptions { Opset = 12 }, "opset 12", "17 to 21");
        Refused(plain, new OnnxExportOptions { KeyValueCache = true }, "no language model");
        Refused(plain, new OnnxExportOptions { IncludePreprocessing = true }, "one image [H,W,C]");
        Refused(plain, new OnnxExportOptions { BatchSize = 0 }, "batch size is 0");
        plain.Release();
    }

    private static void Refused(Model model, params string[] words) => Refused(model, new OnnxExportOptions(), words);

    private static void Refused(Model model, OnnxExportOptions options, params string[] words)
    {
        string message = Assert.Throws<GraftException>(() => OnnxExport.ToBytes(model, options)).Message;
        Assert.All(words, w => Assert.Contains(w, message, StringComparison.Ordinal));
    }
}

using System.IO.Compression;
using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Export;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Importers.Keras.Export;

/// <summary>Models that are read, written and read again: the same bits of weights, outputs and optimizer; and models of this engine that no Keras wrote.</summary>
public sealed class KerasRoundTripTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    public static TheoryData<string, int> References
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string stack in (string[])["small_vgg_rmsprop", "small_resnet_adam", "small_vgg_unfrozen_sgdm"])
            {
                foreach (string file in (string[])[$"keras3/{stack}.keras", $"keras3/{stack}.h5", $"keras2_theano/{stack}.h5"])
                {
                    for (int form = 0; form < KerasForm.All.Count; form++)
                        data.Add(file, form);
                }
            }
            for (int form = 0; form < KerasForm.All.Count; form++)
            {
                data.Add("keras2_theano/small_resnet_adam.theano.h5", form);
                data.Add("keras3/full_resnet50_adam.keras.gz", form);
                data.Add("keras2_theano/full_vgg16_rmsprop.h5.gz", form);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(References))]
    public void A_reference_model_comes_back_to_the_bit_with_its_training(string file, int form)
    {
        string path = GraftShared.Path(["reference", "keras", "whole_models", .. file.Split('/')]);
        Model model = KerasImport.Load(path.EndsWith(".gz", StringComparison.Ordinal) ? _files.Unpack(path) : path);
        Assert.NotNull(model.Optimizer);
        Assert.Null(KerasRoundTrip.Difference(model, KerasForm.All[form], _files));
        model.Optimizer.Dispose();
        model.Release();
    }

    public static TheoryData<string, int> Optimizers
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string name in s_optimizers.Keys)
            {
                for (int form = 0; form < KerasForm.All.Count; form++)
                    data.Add(name, form);
            }
            return data;
        }
    }

    // Those whose names begin with "Keras 3" are noted and left out in HDF5 of Keras 2.
    private static readonly Dictionary<string, Func<Optimizer>> s_optimizers = new()
    {
        ["sgd"] = () => new Sgd(0.01f), ["sgd momentum"] = () => new Sgd(0.01f, 0.9f), ["sgd nesterov, clipped"] = () => new Sgd(0.01f, 0.9f, nesterov: true) { ClipValue = 0.5f },
        ["adam"] = () => new Adam(1e-3f, 0.8f, 0.99f, 1e-6f), ["adam amsgrad, one norm"] = () => new Adam(amsgrad: true) { GlobalClipNorm = 1 }, ["adamax"] = () => new Adamax(), ["nadam"] = () => new Nadam(),
        ["adadelta"] = () => new Adadelta(1), ["rmsprop"] = () => new RMSprop(1e-4f, 0.8f), ["decay"] = () => new Sgd(new InverseTimeDecay(0.1f, 1, 0.01f), 0.9f),
        ["Keras 3 rmsprop momentum centred"] = () => new RMSprop(1e-4f, momentum: 0.9f, centered: true), ["Keras 3 adamw"] = () => new AdamW(weightDecay: 0.02f), ["Keras 3 adagrad"] = () => new Adagrad(),
        ["Keras 3 norm of each"] = () => new Sgd { ClipNorm = 1 }, ["Keras 3 cosine"] = () => new Adam(new CosineDecay(0.1f, 100, 0.1f, 0.2f, 10)), ["Keras 3 stairs"] = () => new Sgd(new StepDecay(0.1f, 3)),
        ["Keras 3 piecewise"] = () => new Adam(new PiecewiseConstant([2, 5], [0.1f, 0.01f, 0.001f])), ["Keras 3 polynomial"] = () => new Sgd(new PolynomialDecay(0.1f, 100, 0.01f, 2), 0.5f),
    };

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void Every_optimizer_and_schedule_goes_on_where_it_was(string name, int form)
    {
        // weights of equal shapes: nothing but the order tells their slots apart
        var model = new Sequential(4) { new Dense(4, Activation.Tanh), new Dense(4, Activation.ReLU), new Dropout(0.2f), new Dense(4, Activation.Softmax) };
        model.Compile(s_optimizers[name](), Loss.CategoricalCrossEntropy(labelSmoothing: 0.1f), Metric.Accuracy);
        var random = new Random(3);
        float[] x = [.. Enumerable.Range(0, 64).Select(_ => (float)random.NextDouble())], y = [.. Enumerable.Range(0, 64).Select(i => i / 4 % 4 == i % 4 ? 1f : 0)];
        model.Fit(new ArrayBatches(x, new Shape(4), y, new Shape(4), LabelKind.Categorical, 4), 2);
        KerasForm written = KerasForm.All[form];
        Assert.Null(KerasRoundTrip.Difference(model, written, _files));
        bool isLeftOut = written.Save(model, _files[$"again.{written.Extension}"]).Any(n => n.StartsWith("the file holds no training", StringComparison.Ordinal));
        Assert.Equal(form == 0 && name.StartsWith("Keras 3", StringComparison.Ordinal), isLeftOut);
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void Losses_and_metrics_come_back_with_what_they_were_given()
    {
        foreach (Loss loss in (Loss[])[Loss.BinaryCrossEntropy(fromLogits: true), Loss.BinaryCrossEntropy(labelSmoothing: 0.1f), Loss.MeanAbsoluteError(), Loss.MeanSquaredError(), Loss.Huber(0.5f)])
        {
            foreach (KerasForm form in KerasForm.All)
            {
                var model = new Sequential(3) { new Dense(1) };
                model.Compile(new Adam(), loss, Metric.BinaryAccuracy);
                form.Save(model, _files[$"loss.{form.Extension}"]);
                Model again = KerasImport.Load(_files[$"loss.{form.Extension}"]);
                Assert.Equal((loss.Name, loss.FromLogits, loss.LabelSmoothing, loss.Delta), (again.Loss!.Name, again.Loss.FromLogits, again.Loss.LabelSmoothing, again.Loss.Delta));
                Assert.Equal(["binary_accuracy"], again.MetricNames);
                model.Release();
                again.Release();
            }
        }
    }

    [Fact]
    public void The_number_of_largest_outputs_that_a_metric_counts_is_read_and_never_written_as_another()
    {
        var model = new Sequential(3) { new Dense(8, Activation.Softmax) };
        string path = _files["top.keras"];
        model.Compile(new Adam(), Loss.CategoricalCrossEntropy(), Metric.TopK(2));
        Assert.Contains("metric 'top_k_categorical_accuracy' is left out: here it counts the 2 largest outputs, where Keras's word for it counts 5", KerasExport.SaveArchive(model, path));
        model.Compile(new Adam(), Loss.CategoricalCrossEntropy(), Metric.TopK());
        Assert.Empty(KerasExport.SaveArchive(model, path));
        Assert.Equal(5, Assert.IsType<TopKMetric>(Assert.Single(KerasImport.Load(path).Losses[0].Metrics)).K);
        ChangeConfig(path, config => config["compile_config"]!["metrics"] = JsonNode.Parse("""[{"module": "keras.metrics", "class_name": "TopKCategoricalAccuracy", "config": {"name": "top_3", "dtype": "float32", "k": 3}, "registered_name": null}]"""));
        Assert.Equal(3, Assert.IsType<TopKMetric>(Assert.Single(KerasImport.Load(path).Losses[0].Metrics)).K);
    }

    [Fact]
    public void Losses_of_several_outputs_come_back_each_with_its_weight_and_metrics()
    {
        Model model = SeveralOutputsTests.Build();
        model.Compile(new Adam(0.01f), SeveralOutputsTests.Losses);
        model.Fit(SeveralOutputsTests.Data(), 2);
        foreach (KerasForm form in KerasForm.All)
        {
            Assert.Null(KerasRoundTrip.Difference(model, form, _files));
            form.Save(model, _files[$"two.{form.Extension}"]);
            Model again = KerasImport.Load(_files[$"two.{form.Extension}"]);
            Assert.Equal([1, 0.25f], again.Losses.Select(l => l.Weight));
            Assert.Equal(["kind_accuracy", "age_mean_absolute_error"], again.MetricNames);
            again.Fit(SeveralOutputsTests.Data(), 1);
            again.Release();
        }
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Theory] // as Keras's compile takes them for outputs "kind" and "age"
    [InlineData("""{"loss": {"age": "mae", "kind": "sparse_categorical_crossentropy"}, "loss_weights": {"age": 0.5}, "metrics": {"age": ["mse"]}}""", "sparse_categorical_crossentropy 1, mean_absolute_error 0.5", "age_mean_squared_error")]
    [InlineData("""{"loss": "mse", "loss_weights": [2, 3], "metrics": ["mae", "mse"]}""", "mean_squared_error 2, mean_squared_error 3", "kind_mean_absolute_error,age_mean_squared_error")]
    [InlineData("""{"loss": ["mse", "mae"], "loss_weights": null, "metrics": [["mae", "mse"], null]}""", "mean_squared_error 1, mean_absolute_error 1", "kind_mean_absolute_error,kind_mean_squared_error")]
    [InlineData("""{"loss": {"kind": "mse"}}""", "", "output 'age' has no loss")]
    [InlineData("""{"loss": "mse", "loss_weights": [2]}""", "", "no loss weight for each")]
    [InlineData("""{"loss": "mse", "loss_weights": ["a", 1]}""", "", "is no number")]
    public void Losses_of_several_outputs_are_read_as_Keras_takes_them(string training, string losses, string metrics)
    {
        Model model = SeveralOutputsTests.Build();
        model.Compile(new Sgd(), SeveralOutputsTests.Losses);
        string path = _files["two.keras"];
        KerasForm.All.Single(f => f.Extension == "keras").Save(model, path);
        ChangeConfig(path, config =>
        {
            JsonObject compiled = (JsonObject)JsonNode.Parse(training)!;
            compiled["optimizer"] = config["compile_config"]!["optimizer"]!.DeepClone();
            config["compile_config"] = compiled;
        });
        KerasModel read = new KerasImport().Open(path);
        Model again = read.Model;
        Assert.Equal(losses, string.Join(", ", again.Losses.Select(l => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{l.Loss.Name} {l.Weight}"))));
        if (losses.Length > 0)
            Assert.Equal(metrics, string.Join(',', again.MetricNames));
        else
            Assert.Contains(read.Notes, n => n.Contains(metrics, StringComparison.Ordinal));
    }

    private static void ChangeConfig(string path, Action<JsonNode> change)
    {
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Update);
        JsonNode config;
        using (Stream stream = zip.GetEntry("config.json")!.Open())
            config = JsonNode.Parse(stream)!;
        change(config);
        zip.GetEntry("config.json")!.Delete();
        using var writer = new StreamWriter(zip.CreateEntry("config.json").Open());
        writer.Write(config.ToJsonString());
    }

    [Fact]
    public void A_file_that_was_there_survives_a_model_that_is_refused()
    {
        var model = new Sequential(3) { new Dense(2), new Lambda((tape, x) => x) { Name = "own" } };
        foreach (KerasForm form in KerasForm.All)
        {
            string path = _files.Write($"kept.{form.Extension}", [1, 2, 3]);
            string message = Assert.Throws<GraftException>(() => form.Save(model, path)).Message;
            Assert.Contains("'own' (Lambda) is no layer of Keras", message, StringComparison.Ordinal);
            Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
            Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.tmp"));
        }
        model.Release();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Borders_by_numbers_go_out_as_same_or_as_zeros_in_front_and_the_bits_stay(int form)
    {
        Node input = Node.Input(new Shape(9, 9, 3), "image");
        Node x = new Conv2D(4, 3) { Name = "conv1", Strides = (2, 2), ExplicitPadding = new Padding2D(1, 0, 1, 2) }.Apply(input);
        x = new ReLU { Name = "relu" }.Apply(new BatchNormalization { Name = "bn" }.Apply(x));
        x = new MaxPooling2D(3, 2) { Name = "pool1", ExplicitPadding = new Padding2D(1, 1, 0, 0) }.Apply(x);
        x = new Conv2D(4, 3) { Name = "conv2", ExplicitPadding = Padding2D.All(1) }.Apply(x); // what "same" is
        x = new AveragePooling2D(3, 1) { Name = "pool2", ExplicitPadding = Padding2D.All(1) }.Apply(x);
        x = new Conv2D(4, 1) { Name = "conv3", ExplicitPadding = Padding2D.None }.Apply(x);
        var network = new Model(input, x, "base") { Trainable = false };
        var model = new Sequential(9, 9, 3) { network, new Flatten(), new Dense(2, Activation.Softmax) { Name = "head" } };
        model.Compile(new Adam(), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
        float[] pixels = [.. Enumerable.Range(0, 2 * 243).Select(i => (i % 7) - 3f)];
        model.Fit(new ArrayBatches(pixels, new Shape(9, 9, 3), [1, 0, 0, 1], new Shape(2), LabelKind.Categorical), epochs: 2);
        Assert.Null(KerasRoundTrip.Difference(model, KerasForm.All[form], _files));
        var again = (Sequential)KerasImport.Load(_files[$"again.{KerasForm.All[form].Extension}"]);
        Assert.Equal(["image", "conv1_pad", "conv1", "bn", "relu", "pool1_pad", "pool1", "conv2", "pool2", "conv3"], ((Model)again.GetLayer("base")).Layers.Select(l => l.Name));
        Assert.Equal(["image", "conv1", "bn", "relu", "pool1", "conv2", "pool2", "conv3"], network.Layers.Select(l => l.Name)); // nothing was put into the model itself
        again.Optimizer!.Dispose();
        again.Release();
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void A_border_that_is_same_for_one_size_of_images_alone_is_refused()
    {
        var pool = new AveragePooling2D(3, 2) { Name = "pool", ExplicitPadding = Padding2D.All(1) }; // "same" of 9 x 9, not of 8 x 8
        foreach (int[] sizes in new int[][] { [8, 9], [9, 8], [9, 8, 9] })
        {
            Node[] inputs = [.. sizes.Select((s, i) => Node.Input(new Shape(s, s, 2), $"image{i}"))];
            var model = new Model(inputs, [.. inputs.Select(i => pool.Apply(i))]);
            Assert.Contains("borders of its own", Assert.Throws<GraftException>(() => KerasExport.SaveArchive(model, _files["m.keras"])).Message, StringComparison.Ordinal);
            model.Release();
        }
    }

    [Fact]
    public void A_border_that_zeros_in_front_would_change_is_refused()
    {
        var border = new Padding2D(1, 1, 0, 0);
        Layer[] pools = [new MaxPooling2D(3, 2) { Name = "pool", ExplicitPadding = border }, new AveragePooling2D(3, 2) { Name = "pool", ExplicitPadding = border }];
        foreach (Layer pool in pools)
        {
            // a maximum of negative numbers would become 0; a mean counts the numbers alone
            var model = new Sequential(8, 8, 2) { new Conv2D(2, 3), pool };
            string message = Assert.Throws<GraftException>(() => KerasExport.SaveArchive(model, _files["x.keras"])).Message;
            Assert.Contains("'pool'", message, StringComparison.Ordinal);
            Assert.Contains("borders of its own, [1,1,0,0]", message, StringComparison.Ordinal);
            model.Release();
        }
    }

    [Fact]
    public void Names_that_Keras_3_would_not_tell_apart_are_refused()
    {
        Node input = Node.Input(new Shape(3), "x");
        Node a = new Dense(3) { Name = "fire/squeeze" }.Apply(input), b = new Dense(3) { Name = "fire_squeeze" }.Apply(a);
        var model = new Model(input, b);
        Assert.Contains("'fire_squeeze'", Assert.Throws<GraftException>(() => KerasExport.SaveArchive(model, _files["x.keras"])).Message, StringComparison.Ordinal);
        KerasExport.SaveHdf5(model, _files["x.h5"]);
        Model again = KerasImport.Load(_files["x.h5"]);
        Assert.Equal(["x", "fire/squeeze", "fire_squeeze"], again.Layers.Select(l => l.Name));
        again.Release();
        model.Release();
    }

    [Fact]
    public void Every_layer_that_is_read_is_written()
    {
        string[] otherNames = ["Identity", "GroupQueryAttention"]; // read as Activation and as GroupedQueryAttention
        Assert.Empty(KerasLayers.Known.Except(KerasLayerWriter.Known).Except(otherNames));
    }

    [Fact]
    public void Layers_of_the_reference_cases_say_of_themselves_what_they_said_in_Keras()
    {
        using NativeFile file = H5File.OpenRead(GraftShared.Path("reference", "keras", "layers", "layer_cases.h5"));
        var writer = new KerasLayerWriter(KerasDialect.Three, "cases");
        var differences = new List<string>();
        int cases = 0;
        foreach (IH5Group group in file.Children().OfType<IH5Group>())
        {
            string kind = group.Attribute("class_name").Read<string>();
            JsonNode config = JsonNode.Parse(group.Attribute("config").Read<string>())!;
            JsonNode written = JsonNode.Parse(writer.Config(KerasJson.Layer(kind, config.DeepClone())).ToJsonString())!; // numbers as a file has them
            differences.AddRange(JsonDifference.Between(config, written).Select(d => $"{group.Name}{d}"));
            cases++;
        }
        Assert.Equal([], differences);
        Assert.Equal(111, cases);
    }

    [Fact]
    public void The_entries_of_an_archive_are_stored()
    {
        var model = new Sequential(3) { new Dense(2) };
        KerasExport.SaveArchive(model, _files["x.keras"]);
        using ZipArchive zip = ZipFile.OpenRead(_files["x.keras"]);
        Assert.Equal(["metadata.json", "config.json", "model.weights.h5"], zip.Entries.Select(e => e.FullName));
        Assert.All(zip.Entries, e => Assert.Equal(e.Length, e.CompressedLength));
        model.Release();
    }
}

using System.IO.Compression;
using System.Text;
using Google.Protobuf;
using Graft.Importers.Inspection;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Importers.PyTorch;
using Graft.Training;
using Graft.Weights;
using PureHDF;
using Xunit;

namespace Graft.Tests.Importers.Inspection;

public sealed class FileInspectorTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_Keras_weight_file_shows_layers_arrays_and_attributes()
    {
        using Scope model = Small();
        KerasFile.Write(model.Model, _files["small.h5"]);
        FileContents contents = FileInspector.Open(_files["small.h5"]);
        Assert.Equal("Keras HDF5", contents.Format);
        Assert.Equal(new FileInfo(_files["small.h5"]).Length, contents.Bytes);
        Assert.Contains(("backend", "tensorflow"), contents.Facts);
        Assert.Contains(("layer_names", "[conv, out]"), contents.Facts);
        Assert.Equal([new("conv", "", "2 arrays, 112 numbers"), new("out", "", "2 arrays, 10 numbers")], contents.Layers);
        Assert.Contains(new ArrayEntry("conv/conv/kernel:0", "float32", new Shape(3, 3, 3, 4), 432), contents.Arrays);
        Assert.Contains(new AttributeEntry("conv", "weight_names", "[conv/kernel:0, conv/bias:0]"), contents.Attributes);
        Assert.Equal((122, 488), (contents.Numbers, contents.ArrayBytes));
    }

    [Fact]
    public void Layers_of_a_whole_Keras_model_are_read_from_its_description()
    {
        const string Config = """
            {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
              {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [null, 8, 8, 3]}},
              {"class_name": "Functional", "name": "base", "config": {"name": "base", "layers": [
                {"class_name": "Conv2D", "name": "conv", "config": {"name": "conv", "trainable": false, "filters": 4, "kernel_size": [3, 3], "padding": "same", "use_bias": true, "activation": "relu"}}]}},
              {"class_name": "Dense", "config": {"name": "out", "units": 2, "activation": {"class_name": "Softmax"}, "use_bias": false}}]}}
            """;
        var file = new H5File { ["model_weights"] = new H5Group { Attributes = { ["layer_names"] = new[] { "out" } }, ["out"] = new H5Group { ["kernel:0"] = new H5Dataset(new double[6], fileDims: [3, 2]) } } };
        file.Attributes["model_config"] = Config;
        file.Attributes["epochs"] = 7;
        file.Write(_files["whole.h5"]);
        FileContents contents = FileInspector.Open(_files["whole.h5"]);
        Assert.Equal("Keras HDF5", contents.Format);
        Assert.Equal(
        [
            new("in", "InputLayer", "batch_input_shape [None,8,8,3]"), new("base", "Functional", ""),
            new("base/conv", "Conv2D", "filters 4, kernel_size [3,3], padding same, activation relu, frozen"), new("out", "Dense", "units 2, activation Softmax, use_bias false"),
        ], contents.Layers);
        Assert.Equal([new ArrayEntry("model_weights/out/kernel:0", "float64", new Shape(3, 2), 48)], contents.Arrays);
        Assert.Contains(("epochs", "7"), contents.Facts);
        Assert.EndsWith($"... ({Config.Length:N0} characters)", contents.Facts.Single(f => f.Name == "model_config").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Keras_archive_shows_its_metadata_layers_and_arrays()
    {
        FileContents contents = FileInspector.Open(GraftShared.Path("reference", "keras", "whole_models", "keras3", "small_vgg_rmsprop.keras"));
        Assert.Equal("Keras archive", contents.Format);
        Assert.Contains("keras_version", contents.Facts.Select(f => f.Name));
        Assert.Contains(contents.Layers, l => l.Type == "Conv2D" && l.Name.StartsWith("vgg16_small/", StringComparison.Ordinal));
        Assert.Contains(contents.Arrays, a => a.Name == "layers/dense/vars/0");
    }

    [Fact]
    public void A_weight_file_of_Keras_3_names_the_layers_that_it_numbers()
    {
        FileContents contents = FileInspector.Open(GraftShared.Path("reference", "keras", "whole_models", "keras3", "small_vgg_rmsprop.weights.h5"));
        Assert.Equal("Keras HDF5", contents.Format);
        Assert.Contains(contents.Layers, l => l.Name.StartsWith("conv2d", StringComparison.Ordinal) && l.Detail.StartsWith("2 arrays", StringComparison.Ordinal));
    }

    [Fact]
    public void A_safetensors_file_shows_its_tensors_and_notes()
    {
        FileContents contents = FileInspector.Open(Safetensors("""{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"n":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}""", 20));
        Assert.Equal("safetensors", contents.Format);
        Assert.Equal([("format", "pt")], contents.Facts);
        Assert.Equal([new ArrayEntry("a", "bfloat16", new Shape(2, 3), 12), new ArrayEntry("n", "int64", Shape.Scalar, 8)], contents.Arrays);
    }

    [Fact]
    public void An_ONNX_model_shows_versions_inputs_nodes_and_initialisers()
    {
        byte[] tensor = Message(o => { Varint(o, 1, 2); Varint(o, 1, 4); Varint(o, 2, 1); Text(o, 8, "w"); Bytes(o, 9, new byte[32]); });
        byte[] scalar = Message(o => { Varint(o, 2, 7); Text(o, 8, "s"); Varint(o, 14, 1); });
        byte[] input = Message(o => { Text(o, 1, "x"); Bytes(o, 2, Message(t => Bytes(t, 1, Message(e => { Varint(e, 1, 1); Bytes(e, 2, Message(s => { Bytes(s, 1, Message(d => Text(d, 2, "batch"))); Bytes(s, 1, Message(d => Varint(d, 1, 4))); })); })))); });
        byte[] strides = Message(o => { Text(o, 1, "perm"); Bytes(o, 8, [1, 0]); });
        byte[] node = Message(o => { Text(o, 1, "x"); Text(o, 1, "w"); Text(o, 2, "y"); Text(o, 4, "Gemm"); Bytes(o, 5, strides); Bytes(o, 5, Message(a => { Text(a, 1, "transB"); Varint(a, 3, 1); })); });
        byte[] graph = Message(o => { Bytes(o, 1, node); Text(o, 2, "g"); Bytes(o, 5, tensor); Bytes(o, 5, scalar); Bytes(o, 11, input); });
        byte[] model = Message(o => { Varint(o, 1, 8); Text(o, 2, "tests"); Bytes(o, 7, graph); Bytes(o, 8, Message(s => Varint(s, 2, 17))); });
        foreach (string name in new[] { "model.onnx", "model.bin" })
        {
            FileContents contents = FileInspector.Open(_files.Write(name, model));
            Assert.Equal("ONNX", contents.Format);
            Assert.Equal([("ir_version", "8"), ("producer_name", "tests"), ("graph", "g"), ("input", "x float32 [batch,4]"), ("opset", "17"), ("nodes", "1 Gemm")], contents.Facts);
            Assert.Equal([new LayerEntry("y", "Gemm", "x, w -> y; perm [1,0], transB 1")], contents.Layers);
            Assert.Equal([new ArrayEntry("w", "float32", new Shape(2, 4), 32), new ArrayEntry("s", "int64 in another file", Shape.Scalar, 8)], contents.Arrays);
        }
        Refused("not an ONNX model, or truncated", _files.Write("cut.onnx", model.AsSpan(0, model.Length - 20)));
    }

    [Fact]
    public void The_ONNX_model_that_comes_along_is_read()
    {
        FileContents contents = FileInspector.Open(Path.Combine(AppContext.BaseDirectory, "weights", "ResNet18.onnx"));
        Assert.Equal(22, contents.Layers.Count(l => l.Type == "Conv"));
        Assert.Contains(("producer_name", "CNTK"), contents.Facts);
        Assert.Contains(("input", "Input247 float32 [1,3,224,224]"), contents.Facts);
    }

    [Fact]
    public void A_Graft_model_shows_classes_preprocessing_history_and_nested_layers()
    {
        using Scope inner = Small();
        var model = new Sequential(8, 8, 3) { inner.Model };
        model.ClassNames = ["cats", "dogs"];
        model.Preprocessing = Preprocessing.Caffe.For(new ImageInput(8, 8, ResizeFilter.Bilinear, AppliesOrientation: true, Draft: true));
        inner.Model.Trainable = false;
        var history = new History();
        history.Add(0, new Dictionary<string, double> { ["loss"] = 0.5, ["val_accuracy"] = 0.75 });
        ModelFile.Save(model, _files["m.graft"], history);
        FileContents contents = FileInspector.Open(_files["m.graft"]);
        Assert.Equal("Graft model", contents.Format);
        Assert.Contains(("classes", "2: cats, dogs"), contents.Facts);
        Assert.StartsWith("caffe: BGR x 1 - [103.939, 116.779, 123.68]", Fact(contents, "preprocessing"), StringComparison.Ordinal);
        Assert.Equal("resized by bilinear to 8 x 8, turned upright by EXIF, large JPEG files decoded at a reduced size", Fact(contents, "images"));
        Assert.Equal("1 epochs; last: loss 0.5, val_accuracy 0.75", Fact(contents, "history"));
        Assert.Equal(typeof(Model).Assembly.GetName().Version!.ToString(3), Fact(contents, "engine"));
        Assert.Contains(new LayerEntry("small/conv", "Conv2D", "to [6,6,4], from in, 112 numbers, frozen"), contents.Layers);
        Assert.Contains(new ArrayEntry("small/conv/kernel", "float32", new Shape(4, 3, 3, 3), 432), contents.Arrays);
    }

    [Theory]
    [InlineData("tensors_zip.pth", "PyTorch zip")]
    [InlineData("tensors_legacy.pth", "PyTorch legacy")]
    public void A_file_of_torch_save_shows_its_tensors(string name, string format)
    {
        FileContents contents = FileInspector.Open(TorchGolden.Path(name));
        Assert.Equal((format, 21), (contents.Format, contents.Arrays.Count));
        Assert.Contains(new ArrayEntry("bfloat16", "bfloat16", new Shape(8), 16), contents.Arrays);
        Assert.Contains(new ArrayEntry("channels_last", "float32", new Shape(2, 3, 4, 5), 480), contents.Arrays);
        Assert.Empty(contents.Facts);
    }

    [Fact]
    public void A_training_checkpoint_shows_its_values_beside_the_tensors()
    {
        FileContents contents = FileInspector.Open(TorchGolden.Path("checkpoint_zip.pth"));
        Assert.Equal(("3", "None", "tuple of 3", "float16", "dictionary of 2"), (Fact(contents, "epoch"), Fact(contents, "none"), Fact(contents, "tuple3"), Fact(contents, "dtype"), Fact(contents, "optimizer_state_dict")));
        Assert.Contains(contents.Arrays, a => a is { Name: "model_state_dict.bn.num_batches_tracked", Type: "int64" });
        Assert.Contains("__builtin__.print", Assert.Throws<GraftException>(() => FileInspector.Open(TorchGolden.Path("unsafe_global.pth"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("safetensors", "Hugging Face folder with model.safetensors (safetensors)", 40, 191040)]
    [InlineData("safetensors_sharded", "Hugging Face folder with model.safetensors.index.json (safetensors in 4 shards)", 40, 191040)]
    [InlineData("bin_sharded", "Hugging Face folder with pytorch_model.bin.index.json (PyTorch zip in 3 shards)", 41, 223808)]
    public void A_folder_of_Hugging_Face_shows_its_configuration_and_weights(string form, string format, int arrays, long numbers)
    {
        FileContents contents = FileInspector.Open(GraftShared.Path("reference", "hf", "gpt2_tiny", form));
        Assert.Equal((format, arrays, numbers), (contents.Format, contents.Arrays.Count, contents.Numbers));
        Assert.Equal(("gpt2", "64", "1e-05"), (Fact(contents, "model_type"), Fact(contents, "n_embd"), Fact(contents, "layer_norm_epsilon")));
        Assert.Contains(new ArrayEntry("transformer.h.2.attn.c_attn.weight", "float32", new Shape(64, 192), 49152), contents.Arrays);
    }

    [Fact]
    public void Damaged_and_unknown_files_are_refused_by_what_they_are()
    {
        using Scope model = Small();
        KerasFile.Write(model.Model, _files["whole.h5"]);
        byte[] whole = File.ReadAllBytes(_files["whole.h5"]);
        Refused("is truncated", _files.Write("cut.h5", whole.AsSpan(0, whole.Length / 2)));
        Refused("is empty", _files.Write("none.h5", []));
        Refused("page of HTML", _files.Write("page.h5", "<!DOCTYPE html><p>no"u8));
        Refused("not an HDF5 file", _files.Write("text.h5", "this is no model at all"u8));
        Refused("no file of a known format (it begins with 74686973", _files.Write("notes.txt", "this is no model at all"u8));
        Refused("has 3 bytes", _files.Write("short.safetensors", "abc"u8));
        Refused("truncated", Safetensors("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4));
        Refused("cannot be read as one", _files.Write("zip.keras", "PK\u0003\u0004 and so on"u8));
        Refused("no such file", _files["nowhere.onnx"]);
        Refused("is a folder", Path.GetDirectoryName(_files["x"])!);
        using (ZipArchive zip = ZipFile.Open(_files["other.zip"], ZipArchiveMode.Create))
            zip.CreateEntry("readme.txt");
        Refused("zip without 'model.weights.h5'", _files["other.zip"]);
        ModelFile.Save(model.Model, _files["m.graft"]);
        byte[] graft = File.ReadAllBytes(_files["m.graft"]);
        graft[graft.Length / 2] ^= 1;
        Refused("m2.graft", _files.Write("m2.graft", graft));
    }

    private static void Refused(string words, string path)
    {
        string message = Assert.Throws<GraftException>(() => FileInspector.Open(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    private static string Fact(FileContents contents, string name) => contents.Facts.Single(f => f.Name == name).Value;

    private string Safetensors(string header, int bytes) =>
        _files.Write("x.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[bytes]]);

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
            write(output);
        return bytes.ToArray();
    }

    private static void Varint(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    private static void Text(CodedOutputStream output, int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
    }

    private static void Bytes(CodedOutputStream output, int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
    }

    private static Scope Small()
    {
        Node input = Node.Input(new Shape(8, 8, 3), "in");
        Node x = new Conv2D(4, 3, 3) { Name = "conv" }.Apply(input);
        x = new GlobalAveragePooling2D { Name = "pool" }.Apply(x);
        return new Scope(new Model(input, new Dense(2) { Name = "out" }.Apply(x), "small"));
    }

    /// <summary>A model whose memory is given back after the test.</summary>
    private sealed record Scope(Model Model) : IDisposable
    {
        public void Dispose() => Model.Release();
    }
}

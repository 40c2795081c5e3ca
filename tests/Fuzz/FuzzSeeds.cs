using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Graft.Adapters;
using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Importers.PyTorch;
using Graft.Training;
using Graft.Weights;
using PureHDF;
using PureHDF.VOL.Native;

namespace Graft.Tests.Fuzz;

/// <summary>Small files that can be read, of every format.</summary>
internal static class FuzzSeeds
{
    private const string Stored = "Fuzz/Seeds", Images = "Importers/Images/Golden", Torch = "Importers/PyTorch/Golden";

    /// <summary>safetensors of several types, and of no tensor.</summary>
    public static IReadOnlyList<FuzzFiles> Safetensors()
    {
        const string Name = "model.safetensors";
        byte[] Of(string json, byte[] data) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(json)), .. Encoding.UTF8.GetBytes(json), .. data];
        return
        [
            FuzzFiles.Of(Name, Of("""{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"a.bias":{"dtype":"F16","shape":[3],"data_offsets":[24,30]},"n":{"dtype":"I64","shape":[],"data_offsets":[30,38]}}""", new byte[38])),
            FuzzFiles.Of(Name, Of("""{"w":{"dtype":"BF16","shape":[4,0],"data_offsets":[0,0]},"v":{"dtype":"F64","shape":[1,1,2],"data_offsets":[0,16]}}   """, new byte[16])),
            FuzzFiles.Of(Name, Of("{}", [])),
            FuzzFiles.Of(Name, Written("x", SmallModel(), (m, p) => SafetensorsWriter.Save(p, m, WeightName.Torch))),
        ];
    }

    /// <summary>An index with two shards.</summary>
    public static IReadOnlyList<FuzzFiles> Shards()
    {
        byte[] a = Safetensors()[0]["model.safetensors"], b = Safetensors()[1]["model.safetensors"];
        return [new FuzzFiles { ["model.safetensors.index.json"] = """{"metadata":{"total_size":54},"weight_map":{"a.weight":"a.safetensors","a.bias":"a.safetensors","w":"b.safetensors","v":"b.safetensors"}}"""u8.ToArray(), ["a.safetensors"] = a, ["b.safetensors"] = b }];
    }

    /// <summary>torch.save's zip and legacy forms: those that are stored, and one made here.</summary>
    public static IReadOnlyList<FuzzFiles> PyTorch() =>
    [
        FuzzFiles.Of("model.pth", TorchBytes.StateDict([("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("b.weight", [1, 2], [7, 8])])),
        FuzzFiles.Of("model.pth", TorchBytes.Zip([0x80, 2, .. "}X\u0001\u0000\u0000\u0000aK\u0001s."u8], large: true)),
        .. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, Torch), "*.pth").Order(StringComparer.Ordinal).Select(f => FuzzFiles.Of("model.pth", File.ReadAllBytes(f))),
    ];

    /// <summary>Weights and whole models in HDF5: h5py's, and PureHDF's, which has the newer structures.</summary>
    public static IReadOnlyList<FuzzFiles> Hdf5() =>
    [
        FuzzFiles.Of("model.h5", Unpacked("weights-of-keras2.h5.gz")),
        FuzzFiles.Of("model.h5", Unpacked("model-of-keras2.h5.gz")),
        FuzzFiles.Of("model.h5", Unzipped(Unpacked("model-of-keras3.keras.gz"), "model.weights.h5")),
        FuzzFiles.Of("model.h5", NewHdf5(chunked: false)),
        FuzzFiles.Of("model.h5", NewHdf5(chunked: true)),
    ];

    /// <summary>.keras archives: Keras's own, and a tiny one.</summary>
    public static IReadOnlyList<FuzzFiles> Keras()
    {
        var small = new MemoryStream();
        using (var zip = new ZipArchive(small, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in new[] { ("metadata.json", """{"keras_version": "3.3.3"}"""u8.ToArray()), ("config.json", KerasConfig()), ("model.weights.h5", NumberedHdf5()) })
            {
                using Stream part = zip.CreateEntry(name, name.EndsWith("h5", StringComparison.Ordinal) ? CompressionLevel.NoCompression : CompressionLevel.Fastest).Open();
                part.Write(bytes);
            }
        }
        return [FuzzFiles.Of("model.keras", small.ToArray()), FuzzFiles.Of("model.keras", Unpacked("model-of-keras3.keras.gz"))];
    }

    /// <summary>The JSON of a model's architecture.</summary>
    public static IReadOnlyList<FuzzFiles> KerasJson() => [FuzzFiles.Of("model.json", KerasConfig()), FuzzFiles.Of("model.json", Unzipped(Unpacked("model-of-keras3.keras.gz"), "config.json"))];

    /// <summary>Models of this engine: a chain, a graph with branches, with class names, preprocessing and a training.</summary>
    public static IReadOnlyList<FuzzFiles> Graft()
    {
        var input = Node.Input(new Shape(6, 6, 3));
        Node left = new Conv2D(2, 3, 3) { Padding = Padding.Same, Name = "left" }.Apply(input), right = new Conv2D(2, 1, 1) { Name = "right" }.Apply(input);
        Node joined = new Dense(2) { Name = "head" }.Apply(new GlobalAveragePooling2D { Name = "pool" }.Apply(new Add { Name = "add" }.Apply([left, right])));
        Model graph = new(input, joined, "graph") { ClassNames = ["cat", "dog"], Preprocessing = Preprocessing.Caffe };
        graph.Compile(new AdamW(new WarmUp(new PiecewiseConstant([2], [0.1f, 0.01f]), 3)) { ClipNorm = 1 }, Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: -1), Metric.Accuracy, Metric.TopK(1));
        graph.Fit(new ArrayBatches(new float[2 * 108], new Shape(6, 6, 3), [0, 1], new Shape(1), LabelKind.Sparse), epochs: 1);
        return [FuzzFiles.Of("model.graft", Written("x", SmallModel(), (m, p) => ModelFile.Save(m, p))), FuzzFiles.Of("model.graft", Written("x", graph, (m, p) => ModelFile.Save(m, p)))];
    }

    /// <summary>ONNX models with raw, packed and single numbers, nodes and attributes.</summary>
    public static IReadOnlyList<FuzzFiles> Onnx()
    {
        byte[] node = Message(m => Text(Text(Text(Text(m, 1, "x"), 1, "w"), 2, "y"), 4, "MatMul"));
        byte[] w = Message(m => Bytes(Text(Number(Number(Number(m, 1, 2), 1, 3), 2, 1), 8, "w"), 9, MemoryMarshal.AsBytes<float>([1, 2, 3, 4, 5, 6]).ToArray()));
        byte[] h = Message(m => Bytes(Text(Number(Bytes(m, 1, [2, 1]), 2, 10), 8, "h"), 9, new byte[4]));
        byte[] d = Message(m => Bytes(Text(Number(Number(m, 1, 1), 2, 11), 8, "d"), 10, new byte[8]));
        byte[] input = Message(m => Bytes(Text(m, 1, "x"), 2, Message(t => Bytes(t, 1, Message(e => Bytes(Number(e, 1, 1), 2, Message(s => Bytes(Bytes(s, 1, Message(x => Text(x, 2, "N"))), 1, Message(x => Number(x, 1, 2))))))))));
        byte[] graph = Message(m => Bytes(Bytes(Bytes(Bytes(Bytes(Text(m, 2, "g"), 1, node), 5, w), 5, h), 5, d), 11, input));
        return [FuzzFiles.Of("model.onnx", Message(m => Bytes(Bytes(Text(Number(m, 1, 8), 2, "seed"), 8, Message(o => Number(o, 2, 17))), 7, graph)))];
    }

    /// <summary>Arrays of several types and orders.</summary>
    public static IReadOnlyList<FuzzFiles> Npy()
    {
        byte[] Of(string header, byte[] data, byte version = 1) => [0x93, .. "NUMPY"u8, version, 0, .. version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length), .. Encoding.ASCII.GetBytes(header), .. data];
        return
        [
            FuzzFiles.Of("x.npy", Of("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", new byte[24])),
            FuzzFiles.Of("x.npy", Of("{'descr': '>i8', 'fortran_order': True, 'shape': (2, 2, 2), }\n", new byte[64], version: 2)),
            FuzzFiles.Of("x.npy", Of("{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", new byte[1])),
            FuzzFiles.Of("x.npy", Of("{'descr': '<f2', 'fortran_order': False, 'shape': (3L,), }\n", new byte[6])),
        ];
    }

    /// <summary>A tokenizer as vocab.json and merges.txt with settings, and as tokenizer.json.</summary>
    public static IReadOnlyList<FuzzFiles> Tokenizer()
    {
        string[] merges = ["h e", "l l", "he ll", "Ġ w"];
        string[] pieces = [.. Enumerable.Range(0, 256).Select(b => ByteLetter(b)), "he", "ll", "hell", "Ġw", "<|endoftext|>"];
        var ids = new JsonObject(pieces.Select((p, i) => KeyValuePair.Create(p, (JsonNode?)i)));
        var whole = (JsonObject)JsonNode.Parse("""{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":260,"special":true,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":true}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true},"post_processor":null,"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false}}""")!;
        whole["model"]!["vocab"] = ids.DeepClone();
        whole["model"]!["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)m)]);
        byte[] config = """{"add_prefix_space":false,"bos_token":"<|endoftext|>","eos_token":{"content":"<|endoftext|>","lstrip":false},"unk_token":"<|endoftext|>","model_max_length":1024,"padding_side":"right"}"""u8.ToArray();
        return
        [
            new FuzzFiles
            {
                ["vocab.json"] = Encoding.UTF8.GetBytes(ids.ToJsonString()), ["merges.txt"] = Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(merges.Select(m => m + "\n"))), ["tokenizer_config.json"] = config,
                ["added_tokens.json"] = """{"<pad>":261}"""u8.ToArray(), ["special_tokens_map.json"] = """{"pad_token":"<pad>"}"""u8.ToArray(),
            },
            new FuzzFiles { ["tokenizer.json"] = Encoding.UTF8.GetBytes(whole.ToJsonString()), ["tokenizer_config.json"] = config },
        ];
    }

    /// <summary>A small GPT-2 as save_pretrained writes it.</summary>
    public static IReadOnlyList<FuzzFiles> HuggingFace()
    {
        Gpt2 model = SmallGpt2();
        FuzzFiles files = Folder(model, p => HuggingFaceFolder.Save(p, model, SmallGpt2Config.ToJson(), Gpt2.HuggingFaceName));
        files["generation_config.json"] = """{"eos_token_id":[15,3],"max_length":20}"""u8.ToArray();
        return [files];
    }

    /// <summary>An adapter of PEFT for that model.</summary>
    public static IReadOnlyList<FuzzFiles> Peft()
    {
        Gpt2 model = SmallGpt2();
        var config = new LoraConfig { Rank = 2, Alpha = 4, TargetModules = ["c_attn"] };
        Lora.Attach(model, config);
        return [Folder(model, p => PeftAdapter.Save(p, model, config, "gpt2"))];
    }

    /// <summary>Images of all formats: those that the tests compare with Pillow.</summary>
    public static IReadOnlyList<FuzzFiles> Image() =>
        [.. new[] { "formats.json", "masks.json" }.SelectMany(list => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, Images, list)))!.AsArray()).Select(c => FuzzFiles.Of("image", Convert.FromBase64String((string)c!["file"]!)))];

    /// <summary>A GPT-2 of one block, for adapters.</summary>
    public static Gpt2 SmallGpt2() => Gpt2.Build(SmallGpt2Config);

    private static Gpt2Config SmallGpt2Config { get; } = new() { VocabularySize = 16, Positions = 8, Width = 8, Blocks = 1, Heads = 2, EosToken = 15 };

    private static Sequential SmallModel() => new(4) { new Dense(3, Activation.ReLU) { Name = "fc" }, new Dense(2) { Name = "logits" } };

    private static string ByteLetter(int value)
    {
        bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
        int before = Enumerable.Range(0, value).Count(b => b is not ((>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE));
        return ((char)(printable ? value : 256 + before)).ToString();
    }

    private static byte[] KerasConfig() => """
        {"class_name":"Functional","config":{"name":"tiny","trainable":true,"layers":[
        {"class_name":"InputLayer","name":"x","config":{"batch_shape":[null,4],"dtype":"float32","name":"x"},"inbound_nodes":[]},
        {"class_name":"Dense","name":"fc","config":{"name":"fc","trainable":true,"units":3,"activation":"relu","use_bias":true},"inbound_nodes":[{"args":[{"class_name":"__keras_tensor__","config":{"shape":[null,4],"dtype":"float32","keras_history":["x",0,0]}}],"kwargs":{}}]},
        {"class_name":"Dropout","name":"drop","config":{"name":"drop","rate":0.5},"inbound_nodes":[{"args":[{"class_name":"__keras_tensor__","config":{"shape":[null,3],"dtype":"float32","keras_history":["fc",0,0]}}],"kwargs":{}}]}],
        "input_layers":[["x",0,0]],"output_layers":[["drop",0,0]]},
        "compile_config":{"optimizer":{"class_name":"Adam","config":{"learning_rate":0.001}},"loss":"mse","metrics":["mae"]}}
        """u8.ToArray();

    private static byte[] NumberedHdf5()
    {
        var file = new H5File { ["layers"] = new H5Group { ["dense"] = new H5Group { ["vars"] = new H5Group { ["0"] = new H5Dataset(new float[12], fileDims: [4, 3]), ["1"] = new float[3] } } } };
        return Written(file);
    }

    private static byte[] NewHdf5(bool chunked)
    {
        H5Dataset kernel = chunked ? new(new float[12], chunks: [4, 3], fileDims: [4, 3], datasetCreation: new H5DatasetCreation(Filters: [2, 1])) : new(new float[12], fileDims: [4, 3]);
        var arrays = new H5Group { ["kernel:0"] = kernel, ["bias:0"] = new float[3], ["count:0"] = new H5Dataset(new long[1]) };
        var group = new H5Group { ["fc"] = arrays };
        group.Attributes["weight_names"] = new[] { "fc/kernel:0", "fc/bias:0", "fc/count:0" };
        var file = new H5File { ["fc"] = group };
        file.Attributes["layer_names"] = new[] { "fc" };
        file.Attributes["backend"] = "tensorflow";
        file.Attributes["keras_version"] = "2.15.0";
        return Written(file);
    }

    private static byte[] Written(H5File file)
    {
        var bytes = new MemoryStream();
        file.Write(bytes);
        return bytes.ToArray();
    }

    private static byte[] Written(string name, Model model, Action<Model, string> save) => Folder(model, p => save(model, Path.Combine(p, name)))[name];

    private static FuzzFiles Folder(Model model, Action<string> save)
    {
        string folder = Directory.CreateTempSubdirectory("graft-fuzz-seed").FullName;
        try
        {
            save(folder);
            var files = new FuzzFiles();
            foreach (string path in Directory.GetFiles(folder))
                files[Path.GetFileName(path)] = File.ReadAllBytes(path);
            return files;
        }
        finally
        {
            model.Release();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Unpacked(string name)
    {
        using var packed = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, Stored, name)), CompressionMode.Decompress);
        var bytes = new MemoryStream();
        packed.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static byte[] Unzipped(byte[] zip, string name)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        using Stream part = archive.GetEntry(name)!.Open();
        var bytes = new MemoryStream();
        part.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static byte[] Message(Func<CodedOutputStream, CodedOutputStream> fields)
    {
        var bytes = new MemoryStream();
        fields(new CodedOutputStream(bytes, leaveOpen: true)).Flush();
        return bytes.ToArray();
    }

    private static CodedOutputStream Number(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return output;
    }

    private static CodedOutputStream Text(CodedOutputStream output, int field, string value) => Bytes(output, field, Encoding.UTF8.GetBytes(value));

    private static CodedOutputStream Bytes(CodedOutputStream output, int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
        return output;
    }
}

using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Images;
using Graft.Importers.Inspection;
using Graft.Importers.Keras;
using Graft.Importers.Numpy;
using Graft.Importers.PyTorch;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Graft.Tests.Fuzz;

/// <summary>Every reader, with its seeds, its changes, and what is done with a file.</summary>
internal static class FuzzTargets
{
    private const long ReadAtMost = 1 << 20; // numbers of an array that are read here: what a user asks for takes what it says

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("safetensors", "model.safetensors", FuzzSeeds.Safetensors, _ => SafetensorsMutations.All, [Inspect, Weights]),
        new("shards", "model.safetensors.index.json", FuzzSeeds.Shards, ByEnding, [Inspect, Weights]),
        new("pytorch", "model.pth", FuzzSeeds.PyTorch, _ => [.. ZipMutations.Of(n => n.EndsWith(".pkl", StringComparison.Ordinal) ? PickleMutations.All : []), .. PickleMutations.All], [Inspect, Weights, Torch]),
        new("hdf5", "model.h5", FuzzSeeds.Hdf5, _ => Hdf5Mutations.All, [Inspect, Weights, KerasModel, Arrays]),
        new("keras", "model.keras", FuzzSeeds.Keras, _ => ZipMutations.Of(ByEnding), [Inspect, Weights, KerasModel]),
        new("keras-json", "model.json", FuzzSeeds.KerasJson, _ => JsonMutations.All, [Inspect, KerasArchitecture]),
        new("graft", "model.graft", FuzzSeeds.Graft, _ => ZipMutations.Of(n => n == "model.json" ? JsonMutations.All : [], hashed: true), [Inspect, GraftModel]),
        new("onnx", "model.onnx", FuzzSeeds.Onnx, _ => ProtobufMutations.All, [Inspect, Weights]),
        new("npy", "x.npy", FuzzSeeds.Npy, _ => TextMutations.All, [path => NpyFile.Read(path)]),
        new("tokenizer", "", FuzzSeeds.Tokenizer, ByEnding, [Tokenizer]),
        new("huggingface", "", FuzzSeeds.HuggingFace, ByEnding, [Inspect, Weights, Gpt2Configuration]),
        new("peft", "", FuzzSeeds.Peft, ByEnding, [Inspect, Adapter]),
        new("image", "image", FuzzSeeds.Image, _ => ImageMutations.All, [path => ImageDecoder.Decode(path), path => ImageDecoder.Decode(path, ColorMode.Grayscale, appliesOrientation: true), Read, ReadDraft, ReadMask])
        {
            Allowance = 1500L << 20, // pixels: 178,956,970 are read at most, as Pillow does
        },
    ];

    private static void Read(string path) => new ImageReader(Preprocessing.None.For(new ImageInput(9, 7, ResizeFilter.Bilinear))).Pixels(path);

    private static void ReadDraft(string path) => new ImageReader(Preprocessing.None.For(new ImageInput(3, 2, ResizeFilter.Bilinear, AppliesOrientation: true, Draft: true))).Pixels(path);

    private static void ReadMask(string path) => new MaskReader(path, (9, 7), ["back", "front"], new MaskOptions { Ignored = 255 }).Read(path);

    private static IReadOnlyList<Mutation> ByEnding(string name) => Path.GetExtension(name) switch
    {
        ".json" => JsonMutations.All,
        ".safetensors" => SafetensorsMutations.All,
        ".h5" => Hdf5Mutations.All,
        ".txt" => TextMutations.All,
        _ => [],
    };

    private static void Inspect(string path) => FileInspector.Open(path);

    private static void Weights(string path)
    {
        WeightFile file = WeightFiles.Open(path);
        foreach (string name in file.Names)
        {
            if (file.ShapeOf(name).Count <= ReadAtMost)
                file.Read(name);
        }
    }

    private static void Torch(string path)
    {
        foreach ((_, TorchTensor tensor) in TorchFile.Open(path).Tensors())
        {
            if (tensor.Shape.Count <= ReadAtMost)
                tensor.ReadBytes();
        }
    }

    private static void Arrays(string path)
    {
        foreach (string name in Hdf5Arrays.NamesOf(path))
            Hdf5Arrays.Read(path, name);
    }

    private static void KerasModel(string path) => KerasImport.Load(path).Release();

    private static void KerasArchitecture(string path)
    {
        KerasImport.InputsOf(path);
        new KerasImport().Build(path).Model.Release();
    }

    private static void GraftModel(string path)
    {
        if (ModelFiles.IsGraft(path))
            ModelFile.Load(path).Model.Release();
    }

    private static void Tokenizer(string folder)
    {
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(folder);
        tokenizer.Decode(tokenizer.Encode("hello world, 1 <pad><|endoftext|>"));
    }

    private static void Gpt2Configuration(string folder) => GenerationConfigFile.EosTokens(folder, Gpt2Config.Open(Path.Combine(folder, "config.json")));

    private static void Adapter(string folder)
    {
        Gpt2 model = FuzzSeeds.SmallGpt2();
        try
        {
            PeftAdapter.Open(folder).AttachTo(model);
        }
        finally
        {
            model.Release();
        }
    }
}

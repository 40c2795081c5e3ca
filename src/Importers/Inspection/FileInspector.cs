using Graft.Importers.HuggingFace;
using Graft.Importers.PyTorch;
using Graft.Importers.Safetensors;
using Graft.Weights;

namespace Graft.Importers.Inspection;

/// <summary>Tells what is in a file of any known format, told by its content, without building a network from it.</summary>
public static class FileInspector
{
    private const string Known = "known are Keras .h5 and .keras and the JSON of its models, .safetensors, PyTorch's .bin and .pth, .onnx, .graft, an index.json of shards, and folders of Hugging Face, PEFT's adapters among them";

    /// <summary>Reads names, shapes and types of a file, or of the weights in a folder of Hugging Face.</summary>
    /// <exception cref="GraftException">The file is missing, empty, damaged in its format, or of an unknown one.</exception>
    public static FileContents Open(string path) => FileErrors.Named(path, "cannot be read as a model or weight file", () => ByContent(path));

    private static FileContents ByContent(string path)
    {
        if (HuggingFaceFolder.IsOne(path))
            return Folder(HuggingFaceFolder.Open(path));
        if (PeftAdapter.IsOne(path))
            return Adapter(PeftAdapter.Open(path));
        if (!File.Exists(path))
            throw new GraftException(Directory.Exists(path) ? $"{path}: is a folder without {HuggingFaceFolder.ConfigName} or {PeftAdapter.ConfigName}; a file is due here ({Known})." : $"{path}: no such file; {Known}.");
        long length = new FileInfo(path).Length;
        var head = new FileHead(path);
        if (head.IsEmpty)
            throw new GraftException($"{path}: is empty; {Known}.");
        if (head.IsMarkup)
            throw new GraftException($"{path}: holds a page of HTML or XML, not a model; the download went wrong. Delete it and download it again.");
        if (head.IsZip)
            return TorchFile.IsTorchZip(path) ? TorchContents.Inspect(path) : ModelFiles.IsGraft(path) ? GraftModel.Inspect(path) : Hdf5Contents.Inspect(path);
        if (head.IsPickle)
            return TorchContents.Inspect(path);
        if (head.IsHdf5)
            return Hdf5Contents.Inspect(path);
        if (head.IsSafetensors)
            return Safetensors(path, length);
        if (head.IsBrace && ShardedWeights.IsIndex(path))
            return Shards(path);
        if (head.IsBrace && KerasContents.IsArchitecture(path))
            return KerasContents.Architecture(path);
        return System.IO.Path.GetExtension(path) switch
        {
            ".h5" or ".hdf5" or ".keras" => Hdf5Contents.Inspect(path), // says what is wrong with it
            ".safetensors" => Safetensors(path, length),
            ".pth" or ".pt" => TorchContents.Inspect(path),
            ".graft" => GraftModel.Inspect(path),
            ".onnx" => OnnxContents.Inspect(path) ?? throw new GraftException($"{path}: is no ONNX model: it has no graph; the file is damaged or something else."),
            _ => Unnamed(path, head.Bytes),
        };
    }

    private static FileContents Folder(HuggingFaceFolder folder)
    {
        FileContents weights = Open(folder.WeightsPath);
        string name = System.IO.Path.GetFileName(folder.WeightsPath);
        return weights with { Path = folder.Path, Format = $"Hugging Face folder with {name} ({weights.Format})", Facts = [.. folder.Settings, .. weights.Facts] };
    }

    private static FileContents Adapter(PeftAdapter adapter)
    {
        FileContents weights = Open(adapter.WeightsPath);
        return weights with { Path = adapter.Path, Format = $"LoRA adapter of PEFT with {System.IO.Path.GetFileName(adapter.WeightsPath)} ({weights.Format})", Facts = [.. HuggingFaceFolder.ReadSettings(System.IO.Path.Combine(adapter.Path, PeftAdapter.ConfigName)), .. weights.Facts] };
    }

    private static FileContents Shards(string path)
    {
        FileContents[] shards = [.. ShardedWeights.Open(path).Shards.Select(s => Open(s.Source))];
        return new FileContents(path, $"{shards.FirstOrDefault()?.Format ?? "weights"} in {shards.Length} shards", shards.Sum(s => s.Bytes))
        {
            Facts = [.. shards.Select(s => (System.IO.Path.GetFileName(s.Path), $"{s.Arrays.Count} arrays"))],
            Layers = [],
            Arrays = [.. shards.SelectMany(s => s.Arrays)],
        };
    }

    // ONNX has no signature: a file is one where it reads as one.
    private static FileContents Unnamed(string path, ReadOnlySpan<byte> start)
    {
        string unknown = $"{path}: is no file of a known format (it begins with {Convert.ToHexString(start)}); {Known}.";
        try
        {
            return OnnxContents.Inspect(path) ?? throw new GraftException(unknown);
        }
        catch (GraftException e) when (e.Message != unknown)
        {
            throw new GraftException(unknown, e);
        }
    }

    private static FileContents Safetensors(string path, long length)
    {
        SafetensorsWeights file = SafetensorsWeights.Open(path);
        return new FileContents(path, "safetensors", length)
        {
            Facts = [.. file.Metadata.Select(m => (m.Key, m.Value))],
            Layers = [],
            Arrays = ((IStoredArrays)file).Arrays,
        };
    }
}

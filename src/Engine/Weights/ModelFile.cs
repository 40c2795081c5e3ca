using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Layers;
using Graft.Training;

namespace Graft.Weights;

/// <summary>A trained model in one file: graph, weights, class names, preprocessing, what it was compiled with and what the optimizer remembers, history.</summary>
/// <remarks>
/// A zip, stored uncompressed: model.json, tensors.bin (float32, little-endian, one array behind the other) and sha256 (of both).
/// It is written under a temporary name, flushed and renamed; what was there before survives any failure.
/// </remarks>
public static partial class ModelFile
{
    private const int Version = 1;
    private const string KindName = "outputs", TrainingName = "training", MeanImageName = "preprocessing/mean_image", WeightsPart = "weights/", OptimizerPart = "optimizer/", AveragePart = "average/";

    /// <summary>Writes a model.</summary>
    /// <exception cref="GraftException">The file cannot be written, or the model has merged adapters; the old one is untouched.</exception>
    public static void Save(Model model, string path, History? history = null) => Save(model, path, history, null);

    /// <summary>The same, with a moving average of its weights that training goes on with.</summary>
    internal static void Save(Model model, string path, History? history, WeightAverage? average) => WholeFile.Write(path, stream => Write(model, stream, history, average));

    /// <summary>Writes a model into a stream that can seek.</summary>
    internal static void Write(Model model, Stream stream, History? history, WeightAverage? average = null)
    {
        Lora.RefuseMerged(model, "ModelFile.Save");
        List<(string Name, Shape Shape, Func<float[]> Read)> tensors = [.. model.NamedParameters().Select(p => ($"{WeightsPart}{p.Path}", p.Parameter.Shape, (Func<float[]>)p.Parameter.Value.ToArray))];
        if (model.Preprocessing?.MeanImage is { } image)
            tensors.Add((MeanImageName, new Shape(image.Height, image.Width, 3), () => [.. image.Values]));
        if (model.Optimizer is { } optimizer)
            tensors.AddRange(optimizer.State(model).Select(s => ($"{OptimizerPart}{s.Name}", new Shape(s.Count), s.Read)));
        if (average is not null)
            tensors.AddRange(average.State(model).Select(s => ($"{AveragePart}{s.Path}", s.Shape, s.Read)));
        var config = new JsonObject();
        model.WriteConfig(config);
        var document = new JsonObject
        {
            ["format"] = Version,
            ["engine"] = typeof(Model).Assembly.GetName().Version!.ToString(3),
            ["name"] = model.Name,
            ["graph"] = config,
            ["classes"] = new JsonArray([.. model.ClassNames.Select(c => (JsonNode)c)]),
            ["preprocessing"] = model.Preprocessing is { } p ? PreprocessingJson.Write(p) : null,
            ["history"] = history is null ? null : JsonNode.Parse(history.ToJson()),
            ["tensors"] = new JsonArray([.. tensors.Select(t => (JsonNode)new JsonObject
            {
                ["name"] = t.Name,
                ["shape"] = new JsonArray([.. t.Shape.Dims.ToArray().Select(d => (JsonNode)d)]),
            })]),
        };
        if (model.OutputKind is { } kind)
            document[KindName] = OutputKindText.Of(kind);
        if (TrainingJson.Write(model) is { } training)
            document[TrainingName] = training;
        byte[] json = System.Text.Encoding.UTF8.GetBytes(document.ToJsonString());
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(json);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        using (Stream entry = zip.CreateEntry("model.json", CompressionLevel.NoCompression).Open())
            entry.Write(json);
        using (Stream entry = zip.CreateEntry("tensors.bin", CompressionLevel.NoCompression).Open())
        {
            foreach ((_, _, Func<float[]> read) in tensors)
            {
                ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(read().AsSpan());
                hash.AppendData(bytes);
                entry.Write(bytes);
            }
        }
        using (Stream entry = zip.CreateEntry("sha256", CompressionLevel.NoCompression).Open())
            entry.Write(hash.GetHashAndReset());
    }

    /// <summary>
    /// Reads a model; its checksum is verified first. A model that was compiled is compiled again, with what its optimizer remembers: <see cref="Model.Fit"/> goes on where it was saved, with the same
    /// bits. Losses, metrics, optimizers, schedules and functions of your own are not in the file; then the model is not compiled, and Fit says what is missing.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="customLayers">Makes its layers of your own classes; null where it has none.</param>
    /// <param name="compile">False leaves the model uncompiled: what its optimizer remembers, up to three times the memory of the weights, is then not brought to the device. Keras's compile.</param>
    /// <exception cref="GraftException">The file is missing, damaged, truncated, or not a model, or has a layer of a class that is not known.</exception>
    public static SavedModel Load(string path, CustomLayers? customLayers = null, bool compile = true)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a model that was saved as .graft is due here.");
        return FileErrors.Named(path, "is not a .graft model file that can be read", () =>
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            byte[] json = Entry(zip, path, "model.json"), data = Entry(zip, path, "tensors.bin"), stored = Entry(zip, path, "sha256");
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(json);
            hash.AppendData(data);
            byte[] found = hash.GetHashAndReset();
            if (!found.AsSpan().SequenceEqual(stored))
                throw new GraftException($"{path}: its contents have SHA-256 {Convert.ToHexStringLower(found)}, {Convert.ToHexStringLower(stored)} was stored with them; the file is damaged. Use another copy.");
            return Read(JsonNode.Parse(json)!, data, path, customLayers, compile);
        });
    }

    private static SavedModel Read(JsonNode document, byte[] data, string path, CustomLayers? customLayers, bool compile)
    {
        if ((int?)document["format"] is not Version)
            throw new GraftException($"{path}: has format {document["format"]}, this version reads {Version}.");
        Model model = GraphJson.Read((string)document["name"]!, document["graph"]!, customLayers);
        try
        {
            SavedModel saved = Fill(model, document, data, path);
            if (compile)
                TrainingJson.Compile(model, document[TrainingName] as JsonObject, saved.OptimizerState, path);
            return saved;
        }
        catch
        {
            model.Release();
            throw;
        }
    }

    private static SavedModel Fill(Model model, JsonNode document, byte[] data, string path)
    {
        var tensors = new Dictionary<string, float[]>();
        var shapes = new Dictionary<string, Shape>();
        int offset = 0;
        foreach (JsonNode? item in document["tensors"]!.AsArray())
        {
            var shape = new Shape([.. item!["shape"]!.AsArray().Select(d => (int)d!)]);
            int bytes = checked((int)shape.Count * sizeof(float));
            if (bytes > data.Length - offset)
                throw new GraftException($"{path}: its array '{item["name"]}' {shape} begins at byte {offset} of {data.Length} and goes beyond; the file is damaged.");
            tensors.Add((string)item["name"]!, MemoryMarshal.Cast<byte, float>(data.AsSpan(offset, bytes)).ToArray());
            shapes.Add((string)item["name"]!, shape);
            offset += bytes;
        }
        HashSet<string> unused = [.. tensors.Keys.Where(n => n.StartsWith(WeightsPart, StringComparison.Ordinal))];
        foreach ((string name, Parameter parameter) in model.NamedParameters())
        {
            string cause = parameter.Layer.IsCustom ? $"the class {parameter.Layer.ClassName} is another than the one that was saved" : "the file is damaged";
            if (!tensors.TryGetValue($"{WeightsPart}{name}", out float[]? values))
                throw new GraftException($"{path}: lacks the weights '{name}' of its own graph; {cause}.");
            if (!shapes[$"{WeightsPart}{name}"].Equals(parameter.Shape))
                throw new GraftException($"{path}: has the weights '{name}' as {shapes[$"{WeightsPart}{name}"]}, {parameter.Shape} is due for its own graph; {cause}.");
            parameter.Set(values);
            unused.Remove($"{WeightsPart}{name}");
        }
        if (unused.FirstOrDefault() is { } left)
            throw new GraftException($"{path}: has the weights '{left[WeightsPart.Length..]}', which no layer of its own graph takes; the file is damaged, or the class of a layer of your own is another than the one that was saved.");
        model.ClassNames = [.. document["classes"]!.AsArray().Select(c => (string)c!)];
        if (document[KindName] is { } kind) // absent from files that are older than it
            model.OutputKind = OutputKindText.Read((string?)kind, path);
        if (document["preprocessing"] is JsonObject preprocessing)
        {
            Shape image = model.Inputs[0].Shape;
            model.Preprocessing = PreprocessingJson.Read(preprocessing, image, tensors.TryGetValue(MeanImageName, out float[]? mean) ? (shapes[MeanImageName], mean) : null, path);
        }
        return new SavedModel(model, document["history"] is { } h ? History.FromJson(h.ToJsonString()) : null,
            [.. tensors.Where(t => t.Key.StartsWith(OptimizerPart, StringComparison.Ordinal)).Select(t => (t.Key[OptimizerPart.Length..], t.Value))]);
    }

    private static byte[] Entry(ZipArchive zip, string path, string name) =>
        ZipParts.Read(zip, path, name) ?? throw new GraftException($"{path}: has no '{name}' inside; it is not a .graft model file.");
}

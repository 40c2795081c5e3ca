using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Layers;
using Graft.Training;

namespace Graft.Weights;

/// <content>Bringing a saved training back into a model that is there.</content>
public static partial class ModelFile
{
    /// <summary>
    /// Puts weights, and the state of the optimizer where the model is compiled, into a model with the same layers: training goes on exactly where it was
    /// saved. Arrays are read one by one; which layers are trainable stays as it is in the model.
    /// </summary>
    /// <param name="model">A model with the parameters of the saved one, of whatever class: a GPT-2 remains one.</param>
    /// <param name="path">What <see cref="Save(Model, string, History)"/> wrote.</param>
    /// <returns>The history that was saved, or null.</returns>
    /// <exception cref="GraftException">The file is missing, damaged, or of another model: then nothing is changed. Or of another optimizer.</exception>
    public static History? Restore(Model model, string path) => Restore(model, path, null);

    /// <summary>The same, with a moving average of the weights where the file has one.</summary>
    internal static History? Restore(Model model, string path, WeightAverage? average)
    {
        Lora.RefuseMerged(model, path);
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a training that was saved as .graft is due here.");
        return FileErrors.Named(path, "is not a .graft model file that can be read", () =>
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            byte[] json = Entry(zip, path, "model.json");
            CheckContents(zip, path, json);
            JsonNode document = JsonNode.Parse(json)!;
            if ((int?)document["format"] is not Version)
                throw new GraftException($"{path}: has format {document["format"]}, this version reads {Version}.");
            (string Name, Shape Shape)[] tensors = [.. document["tensors"]!.AsArray().Select(t => ((string)t!["name"]!, new Shape([.. t["shape"]!.AsArray().Select(d => (int)d!)])))];
            Dictionary<string, Parameter> parameters = Matching(model, tensors, path);
            using Stream data = zip.GetEntry("tensors.bin")!.Open();
            IEnumerable<(string, float[])> state = ReadState(data, tensors, parameters, average);
            if (model.Optimizer is { } optimizer)
                optimizer.ImportState(model, state);
            else
                _ = state.Count(); // takes the weights on its way
            return document["history"] is { } history ? History.FromJson(history.ToJsonString()) : null;
        });
    }

    private static void CheckContents(ZipArchive zip, string path, byte[] json)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(json);
        ZipArchiveEntry entry = zip.GetEntry("tensors.bin") ?? throw new GraftException($"{path}: has no 'tensors.bin' inside; it is not a .graft model file.");
        using Stream data = entry.Open();
        var buffer = new byte[1 << 20];
        for (int read = data.Read(buffer); read > 0; read = data.Read(buffer))
            hash.AppendData(buffer, 0, read);
        if (!hash.GetHashAndReset().AsSpan().SequenceEqual(Entry(zip, path, "sha256")))
            throw new GraftException($"{path}: its contents have not the SHA-256 that was stored with them; the file is damaged. Use another copy.");
    }

    /// <summary>The model's parameters by the file's names.</summary>
    private static Dictionary<string, Parameter> Matching(Model model, (string Name, Shape Shape)[] tensors, string path)
    {
        Dictionary<string, Parameter> parameters = model.NamedParameters().ToDictionary(p => WeightsPart + p.Path, p => p.Parameter);
        Dictionary<string, Shape> stored = tensors.Where(t => t.Name.StartsWith(WeightsPart, StringComparison.Ordinal)).ToDictionary(t => t.Name, t => t.Shape);
        string[] faults = [.. parameters.Where(p => !stored.ContainsKey(p.Key)).Select(p => $"missing {p.Key[WeightsPart.Length..]}"),
            .. stored.Keys.Where(n => !parameters.ContainsKey(n)).Select(n => $"unused {n[WeightsPart.Length..]}"),
            .. parameters.Where(p => stored.TryGetValue(p.Key, out Shape? s) && !s.Equals(p.Value.Shape)).Select(p => $"{p.Key[WeightsPart.Length..]} is {stored[p.Key]}, {p.Value.Shape} is due")];
        return faults.Length == 0 ? parameters
            : throw new GraftException($"{path}: is of another model than '{model.Name}': {string.Join("; ", faults.Take(5))}{(faults.Length > 5 ? $"; and {faults.Length - 5} more" : "")}.");
    }

    /// <summary>Reads all arrays in order: weights go into the model, what belongs to the optimizer is handed out.</summary>
    private static IEnumerable<(string Name, float[] Values)> ReadState(Stream data, (string Name, Shape Shape)[] tensors, Dictionary<string, Parameter> parameters, WeightAverage? average)
    {
        foreach ((string name, Shape shape) in tensors)
        {
            var values = new float[shape.Count];
            data.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            if (parameters.TryGetValue(name, out Parameter? parameter))
                parameter.Set(values);
            else if (average is not null && name.StartsWith(AveragePart, StringComparison.Ordinal) && parameters.TryGetValue(WeightsPart + name[AveragePart.Length..], out Parameter? averaged))
                average.Restore(averaged, values);
            else if (name.StartsWith(OptimizerPart, StringComparison.Ordinal))
                yield return (name[OptimizerPart.Length..], values);
        }
    }
}

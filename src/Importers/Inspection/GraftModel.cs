using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Graft.Layers;
using Graft.Training;
using Graft.Weights;

namespace Graft.Importers.Inspection;

/// <summary>A .graft file: the network, and what was stored with it.</summary>
internal static class GraftModel
{
    public static FileContents Inspect(string path)
    {
        SavedModel saved = ModelFile.Load(path); // verifies the checksum
        Model model = saved.Model;
        try
        {
            List<ArrayEntry> arrays = [.. model.NamedParameters().Select(p => new ArrayEntry(p.Path, "float32", p.Parameter.Shape, p.Parameter.Shape.Count * sizeof(float)))];
            arrays.AddRange(saved.OptimizerState.Select(s => new ArrayEntry($"optimizer/{s.Name}", "float32", new Shape(s.Values.Length), s.Values.Length * sizeof(float))));
            return new FileContents(path, "Graft model", new FileInfo(path).Length) { Facts = [.. Facts(path, saved)], Layers = [.. Layers(model, "")], Arrays = arrays };
        }
        finally
        {
            model.Release();
        }
    }

    private static IEnumerable<(string, string)> Facts(string path, SavedModel saved)
    {
        Model model = saved.Model;
        yield return ("name", model.Name);
        yield return ("engine", EngineVersion(path));
        yield return ("input", string.Join(", ", model.Inputs.Select(i => $"{i.Shape}")));
        yield return ("output", string.Join(", ", model.Outputs.Select(o => $"{o.Shape}")));
        yield return (OutputKindText.Of(model.OutputKind ?? OutputKind.Classes), model.ClassNames.Count == 0 ? "none" : $"{model.ClassNames.Count}: {string.Join(", ", model.ClassNames)}");
        yield return ("preprocessing", model.Preprocessing is { } p ? Describe(p) : "none");
        if (model.Preprocessing?.Input is { } input)
            yield return ("images", input.Describe());
        yield return ("history", saved.History is { Epochs.Count: > 0 } h ? Describe(h) : "none");
        yield return ("training", model.Optimizer is { } optimizer ? $"{optimizer.Name}; {string.Join("; ", model.Losses.Select(l => string.Join(", ", [l.Loss.Name, .. l.Metrics.Select(m => m.Name)])))}" : model.WhyNotCompiled ?? "none");
        yield return ("optimizer_state", saved.OptimizerState.Count == 0 ? "none" : $"{saved.OptimizerState.Count} arrays");
    }

    private static string Describe(Preprocessing p) => string.Create(CultureInfo.InvariantCulture,
        $"{p.Name}: {(p.ReverseChannels ? "BGR" : "RGB")} x {p.Scale:G6} - {(p.MeanImage is null ? "" : "a mean image, or ")}[{Numbers(p.Mean)}], / [{Numbers(p.Std)}]");

    private static string Describe(History h) => $"{h.Epochs.Count} epochs; last: {string.Join(", ", h.Names.Select(n => string.Create(CultureInfo.InvariantCulture, $"{n} {h.Last(n):G5}")))}";

    private static string Numbers(IReadOnlyList<float> values) => string.Join(", ", values.Select(v => v.ToString("G6", CultureInfo.InvariantCulture)));

    private static string EngineVersion(string path)
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        using JsonDocument document = JsonDocument.Parse(ZipParts.Read(zip, path, "model.json")); // it was read once already
        return document.RootElement.TryGetProperty("engine", out JsonElement engine) ? engine.ToString() : "unknown";
    }

    private static IEnumerable<LayerEntry> Layers(Model model, string prefix)
    {
        foreach (Node node in model.Nodes)
        {
            Layer layer = node.Layer;
            long numbers = layer.Parameters.Sum(p => p.Shape.Count);
            string from = node.Inputs.Count == 0 ? "" : $", from {string.Join(", ", node.Inputs.Select(i => i.Layer.Name))}";
            long frozen = layer.Trainable ? layer.Parameters.Where(p => !p.Trainable).Sum(p => p.Shape.Count) : numbers;
            string held = numbers == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {numbers:N0} numbers{(frozen == 0 ? "" : frozen == numbers ? ", frozen" : $", {frozen:N0} of them frozen")}");
            yield return new LayerEntry(prefix + layer.Name, layer is Sequential ? "Sequential" : layer is Model ? "Functional" : layer.ClassName, $"to {node.Shape}{from}{held}");
            foreach (LayerEntry inner in layer is Model nested ? Layers(nested, $"{prefix}{layer.Name}/") : [])
                yield return inner;
        }
    }
}

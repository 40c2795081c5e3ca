using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Safetensors;

/// <summary>All weights of any model as safetensors: arrays by the paths that the model has for them, as they lie in memory.</summary>
/// <remarks>
/// "base/conv1/kernel" and so on, float32; the metadata say who wrote the file, how kernels lie, and the model's name, inputs, classes and preprocessing. Such a file
/// is loaded into a model of the same layers by WeightLoader.Load. For the official names of GPT-2: HuggingFaceFolder.Save.
/// </remarks>
public static class ModelSafetensors
{
    private const string Writer = "writer", Own = "graft";

    /// <summary>Writes the weights; what was there before survives any failure.</summary>
    /// <returns>What is not kept.</returns>
    /// <exception cref="GraftException">The file cannot be written.</exception>
    public static IReadOnlyList<string> Save(Model model, string path)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "np", // plain arrays, of no framework
            [Writer] = Own,
            ["version"] = typeof(Model).Assembly.GetName().Version!.ToString(3),
            ["model"] = model.Name,
            ["inputs"] = new JsonArray([.. model.Inputs.Select(i => (JsonNode)new JsonObject { ["name"] = i.Layer.Name, ["shape"] = new JsonArray([.. i.Shape.Select(d => (JsonNode)d)]) })]).ToJsonString(),
            ["layout"] = "convolutions [out,..,in], dense [in,out], images [N,H,W,C]",
        };
        if (model.ClassNames.Count > 0)
            metadata[OutputKindText.Of(model.OutputKind ?? OutputKind.Classes)] = new JsonArray([.. model.ClassNames.Select(c => (JsonNode)c)]).ToJsonString();
        if (model.Preprocessing is { } p)
            metadata["preprocessing"] = PreprocessingText.Of(p);
        SafetensorsWriter.Save(path, model, NameOf, metadata);
        return ["the file holds the weights alone: graph and training are in .graft, keras and keras-h5"];
    }

    /// <summary>What a parameter is called.</summary>
    internal static WeightName NameOf(string layer, Parameter parameter) => new($"{layer}/{parameter.Name}");

    /// <summary>True for a file that <see cref="Save"/> wrote.</summary>
    internal static bool IsOwn(IReadOnlyDictionary<string, string> metadata) => metadata.GetValueOrDefault(Writer) == Own;
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.HuggingFace;

/// <summary>A folder that save_pretrained wrote, or that was downloaded from the hub: config.json beside the weights in one of five forms.</summary>
public sealed class HuggingFaceFolder
{
    /// <summary>Name of the file that says what the model is.</summary>
    public const string ConfigName = "config.json";

    // The order in which from_pretrained looks for them.
    private static readonly string[] WeightNames =
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "tf_model.h5.index.json"];

    private HuggingFaceFolder(string path, string weightsPath, IReadOnlyList<(string, string)> settings)
    {
        Path = path;
        WeightsPath = weightsPath;
        Settings = settings;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The weight file or index that is read.</summary>
    public string WeightsPath { get; }

    /// <summary>"gpt2", "bert", ...; empty where config.json does not say.</summary>
    public string ModelType => Setting("model_type") ?? "";

    /// <summary>True where the head is the embedding.</summary>
    public bool TiesEmbeddings => Setting("tie_word_embeddings") != "false";

    /// <summary>What config.json says, in its order; values that are no text as JSON has them.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; }

    /// <summary>Finds config.json and the weights.</summary>
    /// <exception cref="GraftException">There is no such folder, no config.json, or no weights; or config.json is damaged.</exception>
    public static HuggingFaceFolder Open(string path) => FileErrors.Named(path, "cannot be read as a folder of Hugging Face", () => Read(path));

    private static HuggingFaceFolder Read(string path)
    {
        if (!Directory.Exists(path))
            throw new GraftException(File.Exists(path) ? $"{path}: is a file; the folder around it is due here." : $"{path}: no such folder; one with {ConfigName} and weights is due here.");
        string config = System.IO.Path.Combine(path, ConfigName);
        if (!File.Exists(config))
            throw new GraftException($"{config}: no such file; a folder of Hugging Face has it beside the weights and says there what the model is. Download it too.");
        string weights = Array.Find(WeightNames, n => File.Exists(System.IO.Path.Combine(path, n)))
            ?? throw new GraftException($"{path}: has no weights: none of {string.Join(", ", WeightNames)}; it holds {string.Join(", ", Directory.GetFileSystemEntries(path).Select(System.IO.Path.GetFileName).Order(StringComparer.Ordinal).Take(10))}. Download them too.");
        return new HuggingFaceFolder(path, System.IO.Path.Combine(path, weights), ReadSettings(config));
    }

    /// <summary>True for a folder with a config.json.</summary>
    internal static bool IsOne(string path) => File.Exists(System.IO.Path.Combine(path, ConfigName));

    /// <summary>The weights of a folder: those of GPT-2 under plain names (<see cref="Gpt2Weights"/>), of other models as the file has them.</summary>
    /// <exception cref="GraftException">As <see cref="Open"/>, or the weights cannot be read.</exception>
    public static WeightFile OpenWeights(string path) => Open(path).OpenWeights();

    /// <inheritdoc cref="OpenWeights(string)"/>
    public WeightFile OpenWeights()
    {
        WeightFile file = WeightFiles.Open(WeightsPath);
        return ModelType == "gpt2" ? Gpt2Weights.Of(file, TiesEmbeddings) : file;
    }

    /// <summary>
    /// Writes config.json and model.safetensors, as save_pretrained does. Weights first: a folder that is broken off has no config that names them. What lies
    /// there under these names is replaced, each when it is whole.
    /// </summary>
    /// <param name="path">The folder; it is made if it is not there.</param>
    /// <param name="model">The model.</param>
    /// <param name="config">What config.json says: <c>Gpt2Config.ToJson</c>.</param>
    /// <param name="names">What a parameter is called in the file, and how it lies there: <c>Gpt2.HuggingFaceName</c>.</param>
    /// <exception cref="GraftException">The files cannot be written, two parameters have one name, or the model has adapters.</exception>
    public static void Save(string path, Model model, string config, Func<string, Parameter, WeightName> names)
    {
        if (Lora.Modules(model) is [var adapted, ..])
            throw new GraftException($"{path}: '{adapted.Name}' has an adapter, which a model's file does not hold. Write it by PeftAdapter.Save; or call Lora.Merge and Lora.Detach first, to write the model with what it learned.");
        Directory.CreateDirectory(path);
        SafetensorsWriter.Save(System.IO.Path.Combine(path, "model.safetensors"), model, names);
        WholeFile.Write(System.IO.Path.Combine(path, ConfigName), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(config)));
    }

    private string? Setting(string name) => Settings.FirstOrDefault(s => s.Name == name).Value;

    // On one line, however the file breaks it.
    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array or JsonValueKind.Object => JsonNode.Parse(value.GetRawText())!.ToJsonString(),
        _ => value.GetRawText(),
    };

    /// <summary>The members of a JSON object, in its order; values that are no text as JSON has them.</summary>
    internal static List<(string, string)> ReadSettings(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. document.RootElement.EnumerateObject().Select(p => (p.Name, Text(p.Value)))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new GraftException($"{path}: is no JSON object ({e.Message}); the file is damaged. Download it again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({e.Message}).", e);
        }
    }
}

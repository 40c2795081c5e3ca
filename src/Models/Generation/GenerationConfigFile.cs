using System.Text.Json.Nodes;
using Graft.Weights;

namespace Graft.Models;

/// <summary>generation_config.json of a model's folder: how its makers want texts to be continued.</summary>
/// <remarks>Of it, the tokens that end a text are read. As in transformers, a file that is there speaks alone: where it names none, none ends a text.</remarks>
public static class GenerationConfigFile
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "generation_config.json";

    /// <summary>The tokens that end a text: those of the folder's generation_config.json, or where it has none, that of config.json.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="config">Its config.json.</param>
    /// <exception cref="GraftException">The file is damaged.</exception>
    public static IReadOnlyList<int> EosTokens(string folder, Gpt2Config config)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return config.EosToken is int end ? [end] : [];
        return FileErrors.Named<IReadOnlyList<int>>(path, "is no object whose eos_token_id is a token, several, or null", () => JsonNode.Parse(File.ReadAllText(path))!.AsObject()["eos_token_id"] switch
        {
            null => [],
            JsonArray ends => [.. ends.Select(e => (int)e!)],
            JsonNode one => [(int)one],
        });
    }
}

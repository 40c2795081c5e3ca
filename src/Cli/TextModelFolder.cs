using Graft.Importers;
using Graft.Importers.Text;
using Graft.Models;

namespace Graft.Cli;

/// <summary>A language model's folder as Hugging Face has it: config.json, model.safetensors, the tokenizer's files.</summary>
internal static class TextModelFolder
{
    private const string ConfigName = "config.json";

    private static readonly string[] TokenizerNames =
        ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", CharacterTokenizer.FileName];

    /// <summary>Loads the weights of a folder.</summary>
    public static void LoadWeights(Gpt2 model, string folder) => model.LoadWeights(WeightFiles.Open(Path.Combine(folder, "model.safetensors")));

    /// <summary>Writes all but the weights: what does not change while the model learns.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="source">The folder that it was read from; null for one that was made.</param>
    public static void WriteConfig(string folder, Gpt2Config config, ITokenizer tokenizer, string? source)
    {
        File.WriteAllText(Path.Combine(folder, ConfigName), config.ToJson());
        if (source is null)
        {
            ((CharacterTokenizer)tokenizer).Save(folder);
            return;
        }
        foreach (string name in TokenizerNames.Where(n => File.Exists(Path.Combine(source, n))))
        {
            string from = Path.GetFullPath(Path.Combine(source, name)), to = Path.GetFullPath(Path.Combine(folder, name));
            if (from != to)
                File.Copy(from, to, overwrite: true);
        }
    }
}

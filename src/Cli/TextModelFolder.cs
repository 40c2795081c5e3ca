using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;

namespace Graft.Cli;

/// <summary>A language model's folder as Hugging Face has it: config.json, model.safetensors, the tokenizer's files.</summary>
internal static class TextModelFolder
{
    private static readonly string[] TokenizerNames =
        ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", CharacterTokenizer.FileName];

    /// <summary>Writes a folder.</summary>
    /// <param name="folder">Where to; it is there.</param>
    /// <param name="model">The model, whose config may have another dropout while it learns.</param>
    /// <param name="config">What config.json says.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="source">The folder that it was read from; null for one that was made.</param>
    public static void Write(string folder, Gpt2 model, Gpt2Config config, ITokenizer tokenizer, string? source)
    {
        HuggingFaceFolder.Save(folder, model, config.ToJson(), Gpt2.HuggingFaceName);
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

using Graft.Importers.HuggingFace;

namespace Graft.Importers.Text;

/// <summary>Opens the tokenizer of a model's folder, whichever kind it has.</summary>
public static class TextTokenizers
{
    /// <summary>That of characters.json, else GPT-2's (<see cref="Gpt2Tokenizer.Open"/>).</summary>
    /// <exception cref="GraftException">There is none, or its files are damaged.</exception>
    public static ITokenizer Open(string folder) =>
        File.Exists(Path.Combine(folder, CharacterTokenizer.FileName)) ? CharacterTokenizer.Open(folder) : Gpt2Tokenizer.Open(folder);
}

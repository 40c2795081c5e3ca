using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A language model's folder as Hugging Face has it: config.json, model.safetensors, the tokenizer's files.</summary>
internal static class TextModelFolder
{
    private static readonly string[] TokenizerNames =
        ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", CharacterTokenizer.FileName];

    private static readonly string[] ConfigNames = [GenerationConfigFile.FileName];

    /// <summary>Loads a folder, and puts an adapter on the model where one is named.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="adapter">That of an adapter; null for none.</param>
    /// <param name="terminal">Owns the model.</param>
    /// <param name="length">Most tokens that are read at once; null for what the model takes.</param>
    public static Gpt2 Load(string folder, string? adapter, Terminal terminal, int? length = null)
    {
        Gpt2 gpt = terminal.Own(Gpt2.Build(Gpt2Config.Open(folder), length ?? 0));
        gpt.LoadWeights(HuggingFaceFolder.OpenWeights(folder));
        if (adapter is not null)
            PeftAdapter.Open(adapter).AttachTo(gpt);
        return gpt;
    }

    /// <summary>Loads a language model, or a classifier where the config names classes.</summary>
    public static Model Load(string folder, Gpt2Config config, Terminal terminal)
    {
        if (config.ClassNames.Count == 0)
            return Load(folder, adapter: null, terminal);
        Gpt2Classifier classifier = terminal.Own(Gpt2Classifier.Build(config));
        classifier.LoadWeights(HuggingFaceFolder.OpenWeights(folder));
        return classifier;
    }

    /// <summary>The tokens that end a text; configs of small vocabularies may still name that of the large one, which never comes.</summary>
    public static int[] End(string folder, Gpt2 gpt) => [.. GenerationConfigFile.EosTokens(folder, gpt.Config).Where(end => end < gpt.VocabularySize)];

    /// <summary>How a model's texts end and are decoded, beside what is asked for.</summary>
    /// <exception cref="GraftException">The tokenizer is another model's.</exception>
    public static GenerationOptions Decoding(string folder, Gpt2 gpt, ITokenizer tokenizer, GenerationOptions options) => tokenizer.VocabularySize <= gpt.VocabularySize
        ? options with { EosTokenIds = End(folder, gpt), TokenText = () => new TokenizerText(tokenizer.Stream()) }
        : throw new GraftException($"{tokenizer.Source}: has {tokenizer.VocabularySize} tokens, the model {gpt.VocabularySize} (vocab_size of config.json); they belong to different models.");

    /// <summary>The folder of the model that is meant: the one that is named, or the one that an adapter is for.</summary>
    /// <exception cref="UsageException">Neither is named.</exception>
    public static string Choose(string? model, string? adapter, string command) => model is not null ? ModelPath.FolderOf(model, adapter is null ? $"give it by --adapter {model} and leave --model out" : "name the folder of the model that --adapter is for, or leave --model out")
        : (adapter is null ? throw new UsageException($"{command} takes --model DIR, the folder of a {(command == "evaluate --text" ? "model of texts" : "GPT-2")}; or --adapter DIR alone, where the adapter says which folder it is for.") : PeftAdapter.Open(adapter).RequireBase());

    /// <summary>Writes a folder.</summary>
    /// <param name="folder">Where to; it is there.</param>
    /// <param name="model">The language model or classifier, whose config may have another dropout while it learns.</param>
    /// <param name="config">What config.json says.</param>
    /// <param name="tokenizer">The tokenizer that was made; of a model that was read, its files are copied.</param>
    /// <param name="source">The folder that it was read from; null for one that was made.</param>
    public static void Write(string folder, Model model, Gpt2Config config, ITokenizer? tokenizer, string? source)
    {
        HuggingFaceFolder.Save(folder, model, config.ToJson(), Gpt2Classifier.HuggingFaceName);
        if (source is not null && Path.GetFullPath(source) == Path.GetFullPath(folder))
            return;
        string[] names = [.. TokenizerNames, .. ConfigNames], kept = source is null ? [] : [.. names.Where(n => File.Exists(Path.Combine(source, n)))];
        foreach (string name in kept)
            WholeFile.Write(Path.Combine(folder, name), stream => stream.Write(File.ReadAllBytes(Path.Combine(source!, name))));
        foreach (string name in names.Except(kept))
            File.Delete(Path.Combine(folder, name)); // those of an earlier run may be of another kind, which readers would prefer
        if (source is null)
            Save(tokenizer!, folder);
    }

    private static void Save(ITokenizer tokenizer, string folder)
    {
        if (tokenizer is CharacterTokenizer characters)
            characters.Save(folder);
        else
            BytePairTrainer.Save((Gpt2Tokenizer)tokenizer, folder);
    }

    /// <summary>Text of one sequence, special tokens included: what stop strings are looked for in.</summary>
    private sealed class TokenizerText(ITokenStream stream) : ITokenText
    {
        public string Append(int token) => stream.Push(token);

        public string Finish() => stream.Flush();
    }
}

using System.Text.Json;
using Graft.Weights;

namespace Graft.Importers.HuggingFace;

/// <summary>Reads a tokenizer from a model's folder.</summary>
internal static class TokenizerFolder
{
    private const string VocabularyName = "vocab.json", MergesName = "merges.txt", WholeName = "tokenizer.json";

    public static Gpt2Tokenizer Open(string folder) => FileErrors.Named(folder, "cannot be read as a tokenizer", () => Read(folder));

    private static Gpt2Tokenizer Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new GraftException($"{folder}: {(File.Exists(folder) ? "is a file" : "no such folder")}; a folder with {VocabularyName} and {MergesName}, or with {WholeName}, is due here.");
        string vocabulary = Path.Combine(folder, VocabularyName), merges = Path.Combine(folder, MergesName), whole = Path.Combine(folder, WholeName);
        var settings = new TokenizerSettings();
        if (File.Exists(vocabulary) && File.Exists(merges))
        {
            Gpt2Vocabulary pair = Read(vocabulary, json => VocabularyReader.FromFiles(json, vocabulary, merges));
            ReadSettings(folder, settings);
            return new Gpt2Tokenizer(pair, settings, folder);
        }
        if (!File.Exists(whole))
            throw Missing(folder, vocabulary, merges);
        Gpt2Vocabulary single = Read(whole, json =>
        {
            using JsonDocument document = Parse(json);
            return TokenizerJson.Read(document.RootElement, settings, whole);
        });
        ReadSettings(folder, settings);
        return new Gpt2Tokenizer(single, settings, folder);
    }

    private static GraftException Missing(string folder, string vocabulary, string merges) => new((File.Exists(vocabulary), File.Exists(merges)) switch
    {
        (true, false) => $"{merges}: no such file; {VocabularyName} is there, but without its merges no text can be encoded. Copy {MergesName} (or {WholeName}) of the same model into the folder.",
        (false, true) => $"{vocabulary}: no such file; {MergesName} is there, but not the ids of the tokens. Copy {VocabularyName} (or {WholeName}) of the same model into the folder.",
        _ => $"{folder}: holds neither {VocabularyName} and {MergesName} nor {WholeName}. Copy a model's tokenizer files into it.",
    });

    private static void ReadSettings(string folder, TokenizerSettings settings)
    {
        With("added_tokens.json", settings.ReadAddedTokens);
        With("tokenizer_config.json", settings.ReadConfig);
        With("special_tokens_map.json", settings.ReadRoles);

        void With(string name, Action<JsonElement> take)
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
                return;
            Read(path, json =>
            {
                using JsonDocument document = Parse(json);
                if (document.RootElement.ValueKind != JsonValueKind.Object)
                    throw new JsonException($"it is {document.RootElement.ValueKind}, an object is due");
                take(document.RootElement);
                return true;
            });
        }
    }

    private static JsonDocument Parse(byte[] json) => JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });

    private static T Read<T>(string path, Func<byte[], T> read)
    {
        byte[] json = File.ReadAllBytes(path);
        try
        {
            return json.AsSpan().TrimStart(" \r\n\t"u8).StartsWith("<"u8) ? throw new JsonException("it holds a page of HTML or XML") : read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException or KeyNotFoundException)
        {
            throw new GraftException($"{path}: is not the JSON that is due there ({e.Message.TrimEnd('.')}); the file is damaged or its download went wrong. Copy it again.", e);
        }
    }
}

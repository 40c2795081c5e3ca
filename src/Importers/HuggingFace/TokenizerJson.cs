using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Importers.HuggingFace;

/// <summary>Reads tokenizer.json, the one file of Hugging Face's fast tokenizers; what is not GPT-2's kind of tokenizer is refused.</summary>
internal static class TokenizerJson
{
    /// <summary>The normalizer that writes all letters small.</summary>
    private const string Lowercase = "Lowercase";

    /// <summary>The file of a byte-level byte-pair vocabulary that writes all letters small and has one special token, the end of a text.</summary>
    public static JsonObject Write(JsonObject ids, IEnumerable<string> merges)
    {
        JsonObject byteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        var end = new JsonObject { ["id"] = (int)ids[SpecialTokens.EndOfText]!, ["content"] = SpecialTokens.EndOfText, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(end),
            ["normalizer"] = new JsonObject { ["type"] = Lowercase },
            ["pre_tokenizer"] = byteLevel(),
            ["post_processor"] = null,
            ["decoder"] = byteLevel(),
            ["model"] = new JsonObject { ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = "", ["end_of_word_suffix"] = "", ["fuse_unk"] = false, ["vocab"] = ids, ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode?)m)]) },
        };
    }

    /// <summary>The vocabulary; added tokens and settings go to <paramref name="settings"/>.</summary>
    /// <exception cref="GraftException">The tokenizer works otherwise than GPT-2's, or its parts do not fit together.</exception>
    public static Gpt2Vocabulary Read(JsonElement root, TokenizerSettings settings, string path)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new JsonException($"it is {root.ValueKind}, an object is due");
        JsonElement model = root.GetProperty("model");
        CheckKind(root, model, path);
        settings.Lowercases = Set(root, "normalizer"); // the one that CheckKind lets pass
        JsonElement split = PreTokenizer(root, path);
        if (split.TryGetProperty("add_prefix_space", out JsonElement prefix))
            settings.AddPrefixSpace = prefix.GetBoolean();
        if (root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind != JsonValueKind.Null)
        {
            foreach (JsonElement token in added.EnumerateArray())
                settings.ReadAddedToken(token);
        }
        var reader = new VocabularyReader(path, path);
        foreach (JsonProperty token in model.GetProperty("vocab").EnumerateObject())
            reader.AddToken(token.Name, token.Value.GetInt32());
        return reader.Build(builder => ReadMerges(model.GetProperty("merges"), builder));
    }

    // "a b", or since version 0.20 ["a", "b"].
    private static void ReadMerges(JsonElement merges, VocabularyReader.Builder builder)
    {
        int number = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            number++;
            string[] pieces = merge.ValueKind == JsonValueKind.String ? merge.GetString()!.Split(' ') : [.. merge.EnumerateArray().Select(p => p.GetString() ?? "")];
            if (pieces.Length != 2 || pieces[0].Length == 0 || pieces[1].Length == 0)
                throw new JsonException($"merge {number} is {merge.GetRawText()}, two tokens are due");
            builder.Add(pieces[0], pieces[1], number);
        }
    }

    private static void CheckKind(JsonElement root, JsonElement model, string path)
    {
        string type = model.TryGetProperty("type", out JsonElement named) ? named.GetString() ?? "null" : "BPE"; // files before 2021 do not name it
        if (type != "BPE")
            throw Other(path, $"its model is '{type}'", "'BPE'");
        if (Set(root, "normalizer") && Type(root.GetProperty("normalizer")) != Lowercase)
            throw Other(path, $"it normalizes text ('{Type(root.GetProperty("normalizer"))}')", $"no normalizer, or '{Lowercase}'");
        foreach (string option in new[] { "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges" })
        {
            if (Set(model, option))
                throw Other(path, $"its model sets {option}", "none of it");
        }
    }

    private static JsonElement PreTokenizer(JsonElement root, string path)
    {
        if (!Set(root, "pre_tokenizer"))
            throw Other(path, "it has no pre_tokenizer", "'ByteLevel'");
        JsonElement split = root.GetProperty("pre_tokenizer");
        if (Type(split) != "ByteLevel")
            throw Other(path, $"its pre_tokenizer is '{Type(split)}'", "'ByteLevel'");
        return split.TryGetProperty("use_regex", out JsonElement pattern) && !pattern.GetBoolean() ? throw Other(path, "its pre_tokenizer uses no pattern", "GPT-2's pattern") : split;
    }

    private static bool Set(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement value) && value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.String => value.GetString()!.Length > 0,
        _ => true,
    };

    private static string Type(JsonElement part) => part.GetProperty("type").GetString() ?? "null";

    private static GraftException Other(string path, string found, string due) =>
        new($"{path}: is not a tokenizer of GPT-2's kind: {found}, GPT-2's has {due}. Its ids would be wrong; take the tokenizer of a GPT-2 model.");
}

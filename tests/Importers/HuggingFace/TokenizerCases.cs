using System.IO.Compression;
using System.Text.Json;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Answers of GPT2Tokenizer of transformers 4.30.2 (regex 2.5.123); 4.39 gives the same.</summary>
internal static class TokenizerCases
{
    public static JsonElement Root { get; } = Read();

    /// <summary>The cases of one part: "strings", "decode_ids", "clean_up" or "batches".</summary>
    public static JsonElement[] Of(string part) => [.. Root.GetProperty(part).EnumerateArray()];

    public static int[] Ids(this JsonElement list) => [.. list.EnumerateArray().Select(i => i.GetInt32())];

    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static JsonElement Read()
    {
        using var gzip = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Importers", "HuggingFace", "Golden", "gpt2_tokenizer_cases.json.gz")), CompressionMode.Decompress);
        using JsonDocument document = JsonDocument.Parse(gzip);
        return document.RootElement.Clone();
    }
}

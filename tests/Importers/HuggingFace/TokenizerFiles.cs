using System.Text.Json.Nodes;
using Graft.Importers.HuggingFace;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Writes tokenizer files: of a whole vocabulary, or of a small one (256 bytes, a few merges, end of text).</summary>
internal static class TokenizerFiles
{
    /// <summary>Merges of the small vocabulary; tokens 256 to 259. Token 260 is the end of text.</summary>
    public static readonly string[] SmallMerges = ["h e", "l l", "he ll", "Ġ w"];

    public static readonly string[] SmallPieces =
        [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.Letter((byte)b).ToString()), .. SmallMerges.Select(m => m.Replace(" ", "", StringComparison.Ordinal)), "<|endoftext|>"];

    /// <summary>vocab.json and merges.txt of the small vocabulary, in a folder.</summary>
    public static void WriteSmall(string folder)
    {
        Directory.CreateDirectory(folder);
        WriteVocabulary(folder, SmallPieces.Select((p, id) => (p, id)));
        WriteMerges(folder, SmallMerges);
    }

    public static void WriteVocabulary(string folder, IEnumerable<(string Piece, int Id)> tokens) =>
        File.WriteAllText(Path.Combine(folder, "vocab.json"), new JsonObject(tokens.Select(t => KeyValuePair.Create(t.Piece, (JsonNode?)t.Id))).ToJsonString());

    public static void WriteMerges(string folder, IEnumerable<string> merges) =>
        File.WriteAllText(Path.Combine(folder, "merges.txt"), string.Concat(merges.Prepend("#version: 0.2").Select(l => l + "\n")));

    /// <summary>tokenizer.json of a vocabulary whose last token is the end of text.</summary>
    public static void WriteWhole(string path, Gpt2Vocabulary vocabulary) =>
        File.WriteAllText(path, Whole(vocabulary.Pieces, vocabulary.Merges.Pairs.OrderBy(p => p.Rank).Select(p => (JsonNode)$"{vocabulary.Piece(p.Left)} {vocabulary.Piece(p.Right)}")).ToJsonString());

    /// <summary>tokenizer.json as Hugging Face writes it for GPT-2.</summary>
    public static JsonObject Whole(IReadOnlyList<string> pieces, IEnumerable<JsonNode> merges)
    {
        var root = (JsonObject)JsonNode.Parse("""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":0,"special":true,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":true}],
             "normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true},"post_processor":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false},
             "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true},
             "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false}}
            """)!;
        root["added_tokens"]![0]!["id"] = pieces.Count - 1;
        root["model"]!["vocab"] = new JsonObject(pieces.Select((p, id) => KeyValuePair.Create(p, (JsonNode?)id)));
        root["model"]!["merges"] = new JsonArray([.. merges]);
        return root;
    }
}

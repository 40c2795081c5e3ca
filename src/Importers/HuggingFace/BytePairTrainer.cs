using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Importers.HuggingFace;

/// <summary>Learns a byte-level byte-pair vocabulary from texts: the 256 bytes, merges of the most frequent neighbours, and the token that ends a text.</summary>
/// <remarks>
/// Sennrich et al. 2016, arXiv:1508.07909, algorithm 1, on the UTF-8 bytes of GPT-2's words (<see cref="WordScanner"/>). Of pairs that are equally frequent the one
/// with the smaller ids is merged, as in Hugging Face's tokenizers. Every text can be encoded, whatever its characters.
/// </remarks>
public static class BytePairTrainer
{
    /// <summary>The fewest tokens: the bytes, and the end of a text.</summary>
    public const int SmallestVocabulary = Bytes + 1;

    private const int Bytes = 256;
    private const int Rarest = 2; // a pair that comes once says nothing about other texts

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Learns.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="vocabularySize">Tokens, <see cref="SmallestVocabulary"/> or more; there are fewer where no pair of neighbours comes twice any more.</param>
    public static Gpt2Tokenizer Train(IEnumerable<string> texts, int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, SmallestVocabulary);
        var pairs = new PairCounts(Words(texts));
        List<string> pieces = [.. Enumerable.Range(0, Bytes).Select(b => ByteAlphabet.Letter((byte)b).ToString())];
        var merges = new List<(int Left, int Right)>();
        while (pieces.Count < vocabularySize - 1 && pairs.MostFrequent(Rarest) is var (left, right))
        {
            pairs.Merge(left, right, pieces.Count);
            merges.Add((left, right));
            pieces.Add(pieces[left] + pieces[right]);
        }
        pieces.Add(SpecialTokens.EndOfText);
        return new Gpt2Tokenizer(new Gpt2Vocabulary([.. pieces], _ =>
        {
            var table = new MergeTable(merges.Count);
            for (int i = 0; i < merges.Count; i++)
                table.Add(merges[i].Left, merges[i].Right, Bytes + i);
            return table;
        }), Settings(), "The vocabulary of the text");
    }

    /// <summary>Writes a learned vocabulary into a folder, as <see cref="Gpt2Tokenizer.Open"/> and transformers read it: vocab.json, merges.txt, tokenizer_config.json.</summary>
    public static void Save(Gpt2Tokenizer tokenizer, string folder)
    {
        Directory.CreateDirectory(folder);
        Gpt2Vocabulary vocabulary = tokenizer.Vocabulary;
        var ids = new JsonObject(vocabulary.Pieces.Select((piece, id) => KeyValuePair.Create(piece, (JsonNode?)id)));
        File.WriteAllText(Path.Combine(folder, "vocab.json"), ids.ToJsonString(Indented) + "\n");
        var merges = new StringBuilder("#version: 0.2\n");
        foreach ((int left, int right, _) in vocabulary.Merges.Pairs.OrderBy(p => p.Rank))
            merges.Append(vocabulary.Piece(left)).Append(' ').Append(vocabulary.Piece(right)).Append('\n');
        File.WriteAllText(Path.Combine(folder, "merges.txt"), merges.ToString());
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Config().ToJsonString(Indented) + "\n");
    }

    private static JsonObject Config() => new() { ["tokenizer_class"] = "GPT2Tokenizer", ["add_prefix_space"] = false, ["clean_up_tokenization_spaces"] = false };

    private static TokenizerSettings Settings()
    {
        var settings = new TokenizerSettings();
        using JsonDocument config = JsonDocument.Parse(Config().ToJsonString());
        settings.ReadConfig(config.RootElement);
        return settings;
    }

    /// <summary>Each word of the texts as bytes, and how often it comes.</summary>
    private static Dictionary<string, int> Words(IEnumerable<string> texts)
    {
        var words = new Dictionary<string, int>();
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> counts = words.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string text in texts)
        {
            var scanner = new WordScanner(text);
            while (scanner.MoveNext())
                counts[scanner.Current] = counts.TryGetValue(scanner.Current, out int count) ? count + 1 : 1;
        }
        return words;
    }
}

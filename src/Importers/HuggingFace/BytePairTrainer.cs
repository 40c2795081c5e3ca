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
    /// <param name="lowercases">True writes all letters small, here and in all that is encoded: of few texts the words come often enough to be learned.</param>
    public static Gpt2Tokenizer Train(IEnumerable<string> texts, int vocabularySize, bool lowercases = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, SmallestVocabulary);
        var pairs = new PairCounts(Words(lowercases ? texts.Select(Gpt2Tokenizer.Lower) : texts));
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
        }), Settings(lowercases), "The vocabulary of the text");
    }

    /// <summary>
    /// Writes a learned vocabulary into a folder, as <see cref="Gpt2Tokenizer.Open"/> and transformers read it: vocab.json and merges.txt, or tokenizer.json where it writes all
    /// letters small, which those two cannot say; tokenizer_config.json.
    /// </summary>
    public static void Save(Gpt2Tokenizer tokenizer, string folder)
    {
        Directory.CreateDirectory(folder);
        Gpt2Vocabulary vocabulary = tokenizer.Vocabulary;
        var ids = new JsonObject(vocabulary.Pieces.Select((piece, id) => KeyValuePair.Create(piece, (JsonNode?)id)));
        IEnumerable<string> merges = vocabulary.Merges.Pairs.OrderBy(p => p.Rank).Select(p => $"{vocabulary.Piece(p.Left)} {vocabulary.Piece(p.Right)}");
        void Write(string name, string text) => File.WriteAllText(Path.Combine(folder, name), text + "\n");
        if (tokenizer.Lowercases)
        {
            Write("tokenizer.json", TokenizerJson.Write(ids, merges).ToJsonString(Indented));
        }
        else
        {
            Write("vocab.json", ids.ToJsonString(Indented));
            Write("merges.txt", string.Join('\n', merges.Prepend("#version: 0.2")));
        }
        Write("tokenizer_config.json", Config(tokenizer.Lowercases).ToJsonString(Indented));
    }

    private static JsonObject Config(bool isWhole) => new() { ["tokenizer_class"] = isWhole ? "GPT2TokenizerFast" : "GPT2Tokenizer", ["add_prefix_space"] = false, ["clean_up_tokenization_spaces"] = false };

    private static TokenizerSettings Settings(bool lowercases)
    {
        var settings = new TokenizerSettings { Lowercases = lowercases };
        using JsonDocument config = JsonDocument.Parse(Config(lowercases).ToJsonString());
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

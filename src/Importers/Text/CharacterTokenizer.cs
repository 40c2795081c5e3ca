using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.HuggingFace;

namespace Graft.Importers.Text;

/// <summary>One token a character (Unicode code point), in the order of the code points, as character-level models have them; behind them, if there is one, the token that ends a text.</summary>
/// <remarks>
/// Saved as characters.json. Where all characters are ASCII the same vocabulary is written as vocab.json and merges.txt too, a byte-level BPE without
/// merges: transformers and <see cref="Gpt2Tokenizer"/> read it and give the same ids.
/// </remarks>
public sealed class CharacterTokenizer : ITokenizer
{
    /// <summary>Name of the file in a model's folder.</summary>
    public const string FileName = "characters.json";

    private const string EndOfText = "<|endoftext|>", Characters = "characters", Ends = "end_of_text";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Rune[] _characters;
    private readonly Dictionary<Rune, int> _ids;

    private CharacterTokenizer(Rune[] characters, bool hasEnd, string source)
    {
        _characters = characters;
        _ids = characters.Index().ToDictionary(c => c.Item, c => c.Index);
        EosToken = hasEnd ? characters.Length : null;
        Source = source;
    }

    /// <inheritdoc/>
    public string Source { get; }

    /// <inheritdoc/>
    public int VocabularySize => _characters.Length + (EosToken is null ? 0 : 1);

    /// <inheritdoc/>
    public int? EosToken { get; }

    /// <summary>The vocabulary of some texts: every character that is in them.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="hasEnd">True adds a token that ends a text.</param>
    /// <exception cref="GraftException">There is no character, or half a surrogate pair.</exception>
    public static CharacterTokenizer Of(IEnumerable<string> texts, bool hasEnd = false)
    {
        var characters = new HashSet<Rune>();
        foreach (string text in texts)
            Read(text, (rune, _) => characters.Add(rune));
        return characters.Count > 0 ? new CharacterTokenizer([.. characters.Order()], hasEnd, "The characters of the text")
            : throw new GraftException("The text has no characters, and a character-level vocabulary would be empty; give it a text.");
    }

    /// <summary>Reads characters.json, or that of a folder.</summary>
    /// <exception cref="GraftException">It is missing or damaged.</exception>
    public static CharacterTokenizer Open(string path)
    {
        if (Directory.Exists(path))
            path = Path.Combine(path, FileName);
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; the characters of a character-level model are due here.");
        try
        {
            JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            Rune[] characters = [.. json[Characters]!.AsArray().Select(c => Single((string)c!))];
            if (characters.Distinct().Count() != characters.Length)
                throw new FormatException("a character is there twice");
            return new CharacterTokenizer(characters, (bool?)json[Ends] ?? false, path);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or NullReferenceException)
        {
            throw new GraftException($"{path}: is no object with an array '{Characters}' of single characters ({e.Message.TrimEnd('.')}); the file is damaged. Copy it again.", e);
        }
    }

    /// <summary>Writes characters.json into a folder, and for ASCII vocab.json, merges.txt and tokenizer_config.json.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        var json = new JsonObject { [Characters] = new JsonArray([.. _characters.Select(c => (JsonNode)c.ToString())]), [Ends] = EosToken is not null };
        File.WriteAllText(Path.Combine(folder, FileName), json.ToJsonString(Indented) + "\n");
        if (!_characters.All(c => c.IsAscii))
            return;
        var vocabulary = new JsonObject(_characters.Select((c, id) => KeyValuePair.Create(ByteAlphabet.Letter((byte)c.Value).ToString(), (JsonNode?)id)));
        if (EosToken is int end)
            vocabulary[EndOfText] = end;
        File.WriteAllText(Path.Combine(folder, "vocab.json"), vocabulary.ToJsonString(Indented) + "\n");
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"),
            new JsonObject { ["tokenizer_class"] = "GPT2Tokenizer", ["add_prefix_space"] = false, ["clean_up_tokenization_spaces"] = false }.ToJsonString(Indented) + "\n");
    }

    /// <inheritdoc/>
    /// <remarks>"&lt;|endoftext|&gt;" in the text is thirteen characters like others.</remarks>
    public int[] Encode(string text)
    {
        var ids = new List<int>(text.Length);
        Read(text, (rune, at) => ids.Add(_ids.TryGetValue(rune, out int id) ? id : throw Unknown(rune, at)));
        return [.. ids];
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var text = new StringBuilder(ids.Length);
        foreach (int id in ids)
            text.Append(TextOf(id));
        return text.ToString();
    }

    /// <inheritdoc/>
    public ITokenStream Stream(bool skipSpecialTokens = false) => new CharacterStream(this, skipSpecialTokens);

    private string TextOf(int id) => id == EosToken ? EndOfText : (uint)id < (uint)_characters.Length ? _characters[id].ToString()
        : throw new GraftException($"{Source}: has no token {id}; its ids go from 0 to {VocabularySize - 1}.");

    private GraftException Unknown(Rune rune, int at) => new(
        $"{Source}: has no '{rune}' (U+{rune.Value:X4}), which the text has at character {at}; there are {_characters.Length} characters, those of the text that the vocabulary was made from. Take it out of the text, or train a new model.");

    private static void Read(string text, Action<Rune, int> take)
    {
        for (int at = 0; at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out int length) != OperationStatus.Done)
                throw new GraftException($"The text has half a surrogate pair at character {at}, which is no character. Put U+FFFD in its place.");
            take(rune, at);
            at += length;
        }
    }

    private sealed class CharacterStream(CharacterTokenizer tokenizer, bool skipSpecialTokens) : ITokenStream
    {
        public string Push(int id) => skipSpecialTokens && id == tokenizer.EosToken ? "" : tokenizer.TextOf(id);

        public string Flush() => "";
    }

    private static Rune Single(string text) => Rune.DecodeFromUtf16(text, out Rune rune, out int length) == OperationStatus.Done && length == text.Length ? rune
        : throw new FormatException($"'{text}' is not one character");
}

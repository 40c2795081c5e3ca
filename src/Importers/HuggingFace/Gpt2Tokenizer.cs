using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Unicode;

namespace Graft.Importers.HuggingFace;

/// <summary>GPT-2's byte-level byte-pair encoding: text to ids and back, id for id as Hugging Face's GPT2Tokenizer.</summary>
/// <remarks><para>Text is split at special tokens, then into words (<see cref="WordScanner"/>); a word's UTF-8 bytes are merged to tokens
/// (<see cref="BytePairMerger"/>). Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2, and OpenAI's encoder.py.
/// Matched is transformers 4.30 and 4.39.</para>
/// <para>One tokenizer may be used by several threads at once.</para></remarks>
public sealed partial class Gpt2Tokenizer
{
    private const int CachedWords = 32_768, LongestCached = 48; // about 5 MB; words of a language are shorter
    private const int OnStack = 256;

    private static readonly Lazy<Gpt2Tokenizer> s_default = new(() => new Gpt2Tokenizer(EmbeddedVocabulary.Read(), new TokenizerSettings(), "The embedded vocabulary of GPT-2"));

    private readonly Gpt2Vocabulary _vocabulary;
    private readonly int _ownTokens; // behind them stand added tokens
    private readonly SpecialTokens _special;
    private readonly ConcurrentDictionary<string, int[]> _words = new();
    private int _wordCount;

    internal Gpt2Tokenizer(Gpt2Vocabulary vocabulary, TokenizerSettings settings, string source)
    {
        Source = source;
        _ownTokens = vocabulary.Count;
        IReadOnlyList<AddedToken> added = settings.Resolve(vocabulary, source);
        _vocabulary = added.Any(t => t.Id >= _ownTokens) ? vocabulary.With(added.Where(t => t.Id >= _ownTokens).OrderBy(t => t.Id).Select(t => t.Content)) : vocabulary;
        _special = new SpecialTokens(added);
        BosToken = Named(settings.Bos);
        EosToken = Named(settings.Eos);
        UnkToken = Named(settings.Unk);
        PadToken = Named(settings.Pad) ?? EosToken;
        AddBosToken = settings.AddBosToken;
        if (AddBosToken && BosToken is null)
            throw new GraftException($"{source}: tokenizer_config.json sets add_bos_token, but the vocabulary has no bos_token '{settings.Bos}'; the files belong to different models.");
        AddPrefixSpace = settings.AddPrefixSpace;
        CleansUp = settings.CleansUp;
        Lowercases = settings.Lowercases;
        ModelMaxLength = settings.ModelMaxLength;
        PaddingSide = settings.PaddingSide;
        TruncationSide = settings.TruncationSide;

        int? Named(string? content) => content is not null && _vocabulary.TryGetId(content, out int id) ? id : null;
    }

    /// <summary>The tokenizer of the published GPT-2 models, of all four sizes; its vocabulary comes along with the library.</summary>
    public static Gpt2Tokenizer Default => s_default.Value;

    /// <summary>Where the vocabulary comes from, for messages.</summary>
    public string Source { get; }

    /// <summary>Number of tokens, added ones included: ids go from 0 to one below. A model's embedding needs as many rows at least.</summary>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>Id of the token that ends a text; null if the vocabulary has none.</summary>
    public int? EosToken { get; }

    /// <summary>Id of the token that begins a text; in GPT-2 that which ends one.</summary>
    public int? BosToken { get; }

    /// <summary>Id for bytes that the vocabulary lacks; GPT-2's lacks none.</summary>
    public int? UnkToken { get; }

    /// <summary>Id that fills rows; where the files name none, that of <see cref="EosToken"/>: GPT-2 has no token for padding, and the mask hides it.</summary>
    public int? PadToken { get; }

    /// <summary>Special and added tokens, by id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => [.. _special.All];

    /// <summary>True if <see cref="BosToken"/> is put before each text ("add_bos_token" of tokenizer_config.json).</summary>
    public bool AddBosToken { get; }

    /// <summary>True if a space is put before each text ("add_prefix_space").</summary>
    public bool AddPrefixSpace { get; }

    /// <summary>True if all letters are written small before they are encoded (tokenizer.json's normalizer "Lowercase"): decoding does not give capitals back.</summary>
    public bool Lowercases { get; }

    /// <summary>True if decoding cleans up ("clean_up_tokenization_spaces"; true unless the files say otherwise, as in transformers 4.30).</summary>
    public bool CleansUp { get; }

    /// <summary>Longest row of the model ("model_max_length"); null if not named.</summary>
    public int? ModelMaxLength { get; }

    /// <summary>Where rows are padded ("padding_side").</summary>
    public TokenSide PaddingSide { get; }

    /// <summary>Where rows are cut ("truncation_side").</summary>
    public TokenSide TruncationSide { get; }

    /// <summary>Opens the tokenizer in a model's folder: vocab.json with merges.txt, or tokenizer.json; special_tokens_map.json, added_tokens.json and
    /// tokenizer_config.json where they are there.</summary>
    /// <exception cref="GraftException">A file is missing, damaged, not of a byte-level BPE, or does not fit the others.</exception>
    public static Gpt2Tokenizer Open(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return TokenizerFolder.Open(folder);
    }

    /// <summary>Ids of a text.</summary>
    /// <param name="text">Any text; empty gives no ids.</param>
    /// <param name="parseSpecialTokens">False to take "&lt;|endoftext|&gt;" and other added tokens in the text as plain text, as is due for text of others.</param>
    /// <param name="addPrefixSpace">True to put a space before the text; null for <see cref="AddPrefixSpace"/>.</param>
    /// <exception cref="GraftException">The text has half a surrogate pair, or a byte that the vocabulary has no token for.</exception>
    public int[] Encode(string text, bool parseSpecialTokens = true, bool? addPrefixSpace = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (addPrefixSpace ?? AddPrefixSpace)
            text = " " + text;
        var ids = new List<int>((text.Length / 3) + 8); // English has three to four letters a token
        if (AddBosToken && BosToken is int bos)
            ids.Add(bos);
        AddedToken? before = null, after;
        for (int from = 0; from < text.Length; from = after is null ? text.Length : from + after.Content.Length)
        {
            int begin = from;
            after = parseSpecialTokens ? _special.Find(text, begin, out from) : null;
            int end = after is null ? text.Length : from;
            ReadOnlySpan<char> between = SpecialTokens.Between(text.AsSpan(begin, end - begin), before, after);
            EncodeWords(Lowercases ? Lower(between.ToString()) : between, ids);
            if (after is not null)
                ids.Add(after.Id);
            before = after;
        }
        return [.. ids];
    }

    /// <summary>The text of ids.</summary>
    /// <param name="ids">Any ids of the vocabulary.</param>
    /// <param name="skipSpecialTokens">True to leave out special tokens.</param>
    /// <param name="cleanUp">True to take out the spaces before punctuation and English contractions; false to give back what was encoded; null for
    /// <see cref="CleansUp"/>, transformers' default.</param>
    /// <exception cref="GraftException">An id is in no vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false, bool? cleanUp = null)
    {
        TokenStream stream = Stream(skipSpecialTokens, cleanUp);
        foreach (int id in ids)
            stream.Append(id);
        return stream.Flush();
    }

    /// <summary>Decodes ids one by one; arguments as those of <see cref="Decode"/>.</summary>
    public TokenStream Stream(bool skipSpecialTokens = false, bool? cleanUp = null) => new(this, skipSpecialTokens, cleanUp ?? CleansUp);

    /// <summary>Tokens as vocab.json spells them: 'Ġ' is a space, 'Ċ' a line feed, and a character may lie in several.</summary>
    /// <exception cref="GraftException">An id is in no vocabulary.</exception>
    public string[] Pieces(ReadOnlySpan<int> ids)
    {
        var pieces = new string[ids.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            CheckId(ids[i]);
            pieces[i] = _vocabulary.Piece(ids[i]);
        }
        return pieces;
    }

    /// <summary>Id of a token as vocab.json spells it; null if there is none.</summary>
    public int? IdOf(string piece) => _vocabulary.TryGetId(piece, out int id) ? id : null;

    internal Gpt2Vocabulary Vocabulary => _vocabulary;

    internal void CheckId(int id)
    {
        if ((uint)id >= (uint)_vocabulary.Count)
            throw new GraftException($"{Source}: has no token {id}; its ids go from 0 to {_vocabulary.Count - 1}. The ids are those of another tokenizer, or of a model with more rows than its tokenizer has tokens.");
    }

    internal bool IsSpecial(int id) => _special.IsSpecial(id);

    internal bool IsPlainAdded(int id) => id >= _ownTokens && !_special.IsSpecial(id);

    internal ReadOnlySpan<byte> Bytes(int id) => id < _ownTokens ? _vocabulary.Bytes(id) : Encoding.UTF8.GetBytes(_vocabulary.Piece(id)); // an added token is text, no letters for bytes

    /// <summary>All letters small, each by itself, as Hugging Face's "Lowercase" writes them.</summary>
    internal static string Lower(string text) => text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant(); // I with a dot has two in Unicode; .NET leaves it

    private void EncodeWords(ReadOnlySpan<char> text, List<int> ids)
    {
        ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> known = _words.GetAlternateLookup<ReadOnlySpan<char>>();
        var words = new WordScanner(text);
        while (words.MoveNext())
        {
            ReadOnlySpan<char> word = words.Current;
            if (word.Length > LongestCached)
                ids.AddRange(EncodeWord(word));
            else if (known.TryGetValue(word, out int[]? tokens))
                ids.AddRange(tokens.AsSpan());
            else
                ids.AddRange(Remember(word.ToString()));
        }
    }

    private int[] Remember(string word)
    {
        int[] tokens = EncodeWord(word);
        if (Volatile.Read(ref _wordCount) < CachedWords && _words.TryAdd(word, tokens))
            Interlocked.Increment(ref _wordCount);
        return tokens;
    }

    private int[] EncodeWord(ReadOnlySpan<char> word)
    {
        int longest = Encoding.UTF8.GetMaxByteCount(word.Length);
        byte[]? rentedBytes = longest <= OnStack ? null : ArrayPool<byte>.Shared.Rent(longest);
        int[]? rentedIds = longest <= OnStack ? null : ArrayPool<int>.Shared.Rent(longest);
        Span<byte> bytes = rentedBytes ?? stackalloc byte[OnStack];
        Span<int> ids = rentedIds ?? stackalloc int[OnStack];
        if (Utf8.FromUtf16(word, bytes, out _, out int count, replaceInvalidSequences: false) != OperationStatus.Done)
            throw new GraftException($"The text has, in '{Shown(word)}' half a surrogate pair, which is no character and has no UTF-8. Put U+FFFD in its place.");
        _vocabulary.Spell(bytes[..count], ids);
        int[] tokens = ids[..BytePairMerger.Merge(_vocabulary.Merges, ids[..count])].ToArray();
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] == Gpt2Vocabulary.NoToken)
                tokens[i] = UnkToken ?? throw new GraftException($"{Source}: has no token for a byte of '{Shown(word)}', and no unk_token that could stand for it; the vocabulary is not GPT-2's.");
        }
        if (rentedBytes is not null)
            ArrayPool<byte>.Shared.Return(rentedBytes);
        if (rentedIds is not null)
            ArrayPool<int>.Shared.Return(rentedIds);
        return tokens;
    }

    // For messages: what is no UTF-16 shows as U+FFFD.
    private static string Shown(ReadOnlySpan<char> word) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(word[..Math.Min(word.Length, LongestCached)].ToArray()));
}

using System.Text;
using System.Text.Json;

namespace Graft.Importers.HuggingFace;

/// <summary>Builds a vocabulary from the names of tokens and of merges, and checks that they belong together.</summary>
internal sealed class VocabularyReader(string vocabularyPath, string mergesPath)
{
    private const int FewUnmade = 16; // published vocabularies have up to a dozen tokens that no merge makes ("<s>", "madeupword0000")
    private const int UnmadeShare = 100;

    private readonly List<(string Piece, int Id)> _tokens = [];

    /// <summary>Reads vocab.json, given as bytes, and merges.txt.</summary>
    public static Gpt2Vocabulary FromFiles(byte[] json, string vocabularyPath, string mergesPath)
    {
        var reader = new VocabularyReader(vocabularyPath, mergesPath);
        var tokens = new Utf8JsonReader(json);
        if (!tokens.Read() || tokens.TokenType != JsonTokenType.StartObject)
            throw new JsonException($"it is {tokens.TokenType}, an object of tokens and ids is due");
        while (tokens.Read() && tokens.TokenType == JsonTokenType.PropertyName)
        {
            string piece = tokens.GetString()!;
            tokens.Read();
            reader.AddToken(piece, tokens.TokenType == JsonTokenType.Number && tokens.TryGetInt32(out int id) ? id : throw new JsonException($"the id of '{piece}' is no whole number"));
        }
        if (tokens.TokenType != JsonTokenType.EndObject || tokens.Read())
            throw new JsonException("it goes on behind its object");
        return reader.Build(table => reader.ReadMerges(table));
    }

    /// <summary>Takes a token of the vocabulary.</summary>
    public void AddToken(string piece, int id) => _tokens.Add((piece, id));

    /// <summary>Makes the vocabulary; <paramref name="addMerges"/> is called to add its merges.</summary>
    public Gpt2Vocabulary Build(Action<Builder> addMerges) => new(PiecesById(), vocabulary =>
    {
        var builder = new Builder(vocabulary, mergesPath);
        addMerges(builder);
        CheckMade(vocabulary, builder.Merges);
        return builder.Merges;
    });

    private string[] PiecesById()
    {
        if (_tokens.Count == 0)
            throw new GraftException($"{vocabularyPath}: holds no tokens; a vocabulary of GPT-2 has 50257. Copy it again.");
        var pieces = new string[_tokens.Count];
        var names = new HashSet<string>(_tokens.Count);
        foreach ((string piece, int id) in _tokens)
        {
            if (id < 0 || id >= pieces.Length)
                throw new GraftException($"{vocabularyPath}: token '{piece}' has id {id}, but there are {pieces.Length} tokens, whose ids must be 0 to {pieces.Length - 1} without a gap. The file is damaged, or tokens have been removed.");
            if (pieces[id] is not null)
                throw new GraftException($"{vocabularyPath}: the tokens '{pieces[id]}' and '{piece}' have the same id {id}; ids must be 0 to {pieces.Length - 1}, each once.");
            if (!names.Add(piece))
                throw new GraftException($"{vocabularyPath}: the token '{piece}' stands there twice; the file is damaged.");
            pieces[id] = piece;
        }
        return pieces;
    }

    private void ReadMerges(Builder builder)
    {
        string text = File.ReadAllText(mergesPath, Encoding.UTF8);
        if (text.Length > 0 && text[^1] != '\n')
            throw new GraftException($"{mergesPath}: its last line '{text[(text.LastIndexOf('\n') + 1)..]}' has no end: the file is truncated. Copy it again, or end the line if it is whole.");
        int number = 0, merge = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsEmpty || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            int space = line.IndexOf(' ');
            if (space <= 0 || space == line.Length - 1 || line[(space + 1)..].Contains(' '))
                throw new GraftException($"{mergesPath}: line {number} is '{line}'; two tokens with one space between them are due. The file is damaged, or not a list of merges.");
            builder.Add(line[..space], line[(space + 1)..], ++merge);
        }
    }

    // A vocabulary is its letters, what merges make, and a few special tokens; if many are left over, merges are missing.
    private void CheckMade(Gpt2Vocabulary vocabulary, MergeTable merges)
    {
        var made = new bool[vocabulary.Count];
        for (int rank = 0; rank < merges.Count; rank++)
            made[merges.Product(rank)] = true;
        string[] unmade = [.. vocabulary.Pieces.Where((piece, id) => piece.Length > 1 && !made[id])];
        if (unmade.Length > Math.Max(FewUnmade, vocabulary.Count / UnmadeShare))
            throw new GraftException($"{vocabularyPath}: has {vocabulary.Count} tokens, but {mergesPath} has {merges.Count} merges, which make none of {unmade.Length} of them ('{unmade[0]}', '{unmade[1]}', ...). "
                + "The merges are truncated or another model's; copy both from one model.");
    }

    /// <summary>Adds merges by name.</summary>
    internal sealed class Builder(Gpt2Vocabulary vocabulary, string path)
    {
        private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids = vocabulary.Lookup;
        private char[] _product = new char[64];

        /// <summary>The merges so far.</summary>
        public MergeTable Merges { get; } = new(vocabulary.Count);

        /// <summary>Adds the next merge.</summary>
        /// <exception cref="GraftException">A piece of it, or what it makes, is not in the vocabulary; or the merges are more than the tokens.</exception>
        public void Add(ReadOnlySpan<char> left, ReadOnlySpan<char> right, int number)
        {
            if (Merges.Count == vocabulary.Count)
                throw new GraftException($"{path}: has more merges than the vocabulary has tokens ({vocabulary.Count}); each merge makes one. They belong to different models; copy both from one.");
            if (_product.Length < left.Length + right.Length)
                _product = new char[(left.Length + right.Length) * 2];
            left.CopyTo(_product);
            right.CopyTo(_product.AsSpan(left.Length));
            Merges.Add(Id(left, left, right, number), Id(right, left, right, number), Id(_product.AsSpan(0, left.Length + right.Length), left, right, number));
        }

        private int Id(ReadOnlySpan<char> piece, ReadOnlySpan<char> left, ReadOnlySpan<char> right, int number) => _ids.TryGetValue(piece, out int id) ? id
            : throw new GraftException($"{path}: merge {number} joins '{left}' and '{right}', but the vocabulary has no token '{piece}'. The merges and the vocabulary belong to different models; copy both from one.");
    }
}

using System.Buffers;

namespace Graft.Importers.HuggingFace;

/// <summary>Tokens by id and by name, their bytes, and the merges that make them. Added tokens stand behind the vocabulary's own.</summary>
internal sealed class Gpt2Vocabulary
{
    /// <summary>Stands for a byte that is no token of the vocabulary.</summary>
    public const int NoToken = -1;

    private const int Letters = 256;

    private readonly string[] _pieces;
    private readonly Dictionary<string, int> _ids;
    private readonly int[] _letters = new int[Letters]; // [byte]: its id
    private readonly byte[] _bytes; // of all tokens, one behind the other
    private readonly int[] _starts; // [id], and the end of the last

    /// <summary>A vocabulary whose merges are made from it.</summary>
    public Gpt2Vocabulary(string[] pieces, Func<Gpt2Vocabulary, MergeTable> merges)
    {
        _pieces = pieces;
        _ids = new Dictionary<string, int>(pieces.Length);
        _starts = new int[pieces.Length + 1];
        var bytes = new ArrayBufferWriter<byte>(pieces.Length * 7); // 6.6 bytes a token in GPT-2's
        for (int id = 0; id < pieces.Length; id++)
        {
            _ids.Add(pieces[id], id);
            ByteAlphabet.Write(pieces[id], bytes);
            _starts[id + 1] = bytes.WrittenCount;
        }
        _bytes = bytes.WrittenSpan.ToArray();
        for (int b = 0; b < Letters; b++)
            _letters[b] = _ids.GetValueOrDefault(ByteAlphabet.Letter((byte)b).ToString(), NoToken);
        Merges = merges(this);
    }

    /// <summary>Number of tokens: ids go from 0 to one below.</summary>
    public int Count => _pieces.Length;

    /// <summary>The merges.</summary>
    public MergeTable Merges { get; }

    /// <summary>A token as vocab.json spells it.</summary>
    public string Piece(int id) => _pieces[id];

    /// <summary>All tokens as vocab.json spells them, by id.</summary>
    public IReadOnlyList<string> Pieces => _pieces;

    /// <summary>The bytes that a token stands for.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    /// <summary>Id of a token as vocab.json spells it.</summary>
    public bool TryGetId(string piece, out int id) => _ids.TryGetValue(piece, out id);

    /// <summary>A lookup by parts of a string.</summary>
    public Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> Lookup => _ids.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Writes the tokens of single bytes; <see cref="NoToken"/> where there is none.</summary>
    public void Spell(ReadOnlySpan<byte> bytes, Span<int> ids)
    {
        for (int i = 0; i < bytes.Length; i++)
            ids[i] = _letters[bytes[i]];
    }

    /// <summary>A vocabulary with further tokens behind.</summary>
    public Gpt2Vocabulary With(IEnumerable<string> added) => new([.. _pieces, .. added], _ => Merges);
}

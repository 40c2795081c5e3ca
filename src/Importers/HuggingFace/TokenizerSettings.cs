using System.Text.Json;

namespace Graft.Importers.HuggingFace;

/// <summary>What special_tokens_map.json, tokenizer_config.json and added_tokens.json say of a tokenizer; the defaults are GPT2Tokenizer's.</summary>
internal sealed class TokenizerSettings
{
    private sealed record Entry(string Content, int? Id, bool IsSpecial, bool StripsLeft, bool StripsRight, bool IsSingleWord);

    private static readonly string[] s_roles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, string?> _roles = new() { ["bos_token"] = SpecialTokens.EndOfText, ["eos_token"] = SpecialTokens.EndOfText, ["unk_token"] = SpecialTokens.EndOfText };
    private readonly Dictionary<string, Entry> _entries = []; // by content; the file read last decides

    public string? Bos => _roles["bos_token"];

    public string? Eos => _roles["eos_token"];

    public string? Unk => _roles["unk_token"];

    public string? Pad => _roles.GetValueOrDefault("pad_token");

    public bool AddBosToken { get; private set; }

    public bool AddPrefixSpace { get; set; }

    public bool Lowercases { get; set; }

    public bool CleansUp { get; private set; } = true; // the default of transformers 4.30 and 4.39

    public int? ModelMaxLength { get; private set; }

    public TokenSide PaddingSide { get; private set; }

    public TokenSide TruncationSide { get; private set; }

    /// <summary>Takes tokenizer_config.json.</summary>
    public void ReadConfig(JsonElement config)
    {
        if (config.TryGetProperty("added_tokens_decoder", out JsonElement added))
        {
            foreach (JsonProperty token in added.EnumerateObject())
                Add(token.Value, int.Parse(token.Name, System.Globalization.NumberStyles.None, null), isSpecial: false);
        }
        ReadRoles(config);
        AddBosToken = Flag(config, "add_bos_token", AddBosToken);
        AddPrefixSpace = Flag(config, "add_prefix_space", AddPrefixSpace);
        CleansUp = Flag(config, "clean_up_tokenization_spaces", CleansUp);
        PaddingSide = Side(config, "padding_side", PaddingSide);
        TruncationSide = Side(config, "truncation_side", TruncationSide);
        if (config.TryGetProperty("model_max_length", out JsonElement length) && length.ValueKind == JsonValueKind.Number && length.GetDouble() <= int.MaxValue)
            ModelMaxLength = length.GetInt32(); // "no limit" is written as 1e30
    }

    /// <summary>Takes the roles of special_tokens_map.json; a role named there replaces the one named before.</summary>
    public void ReadRoles(JsonElement map)
    {
        foreach (string role in s_roles)
        {
            if (map.TryGetProperty(role, out JsonElement token))
                _roles[role] = token.ValueKind == JsonValueKind.Null ? null : Add(token, null, isSpecial: true);
        }
        if (map.TryGetProperty("additional_special_tokens", out JsonElement additional))
        {
            foreach (JsonElement token in additional.EnumerateArray())
                Add(token, null, isSpecial: true);
        }
    }

    /// <summary>Takes added_tokens.json: ids by content.</summary>
    public void ReadAddedTokens(JsonElement added)
    {
        foreach (JsonProperty token in added.EnumerateObject())
            Add(new Entry(token.Name, token.Value.GetInt32(), IsSpecial: false, StripsLeft: false, StripsRight: false, IsSingleWord: false));
    }

    /// <summary>Takes an entry of tokenizer.json's "added_tokens".</summary>
    public void ReadAddedToken(JsonElement token) => Add(token, token.GetProperty("id").GetInt32(), isSpecial: false);

    /// <summary>Gives every special and added token its id; those that the files name but give none stand at the end, as transformers adds them.</summary>
    /// <exception cref="GraftException">An id is another token's, or ids are left out.</exception>
    public IReadOnlyList<AddedToken> Resolve(Gpt2Vocabulary vocabulary, string source)
    {
        var tokens = new List<AddedToken>();
        int next = vocabulary.Count;
        foreach (Entry entry in _entries.Values.OrderBy(e => e.Id ?? int.MaxValue))
        {
            bool own = vocabulary.TryGetId(entry.Content, out int id);
            if (!own)
                id = entry.Id ?? next;
            if (entry.Id is int named && named != id)
                throw new GraftException($"{source}: the added token '{entry.Content}' has id {named}, but the vocabulary gives it {id}; the files belong to different models.");
            if (!own && id < vocabulary.Count)
                throw new GraftException($"{source}: the added token '{entry.Content}' has id {id}, which is '{vocabulary.Piece(id)}' in the vocabulary; the files belong to different models.");
            if (!own && id != next)
                throw new GraftException($"{source}: the added token '{entry.Content}' has id {id}, but {(id < next ? "another added token has it too" : $"no token has id {next}")}; ids must go on from the vocabulary's without a gap.");
            if (!own)
                next++;
            tokens.Add(new AddedToken(entry.Content, id, entry.IsSpecial || _roles.ContainsValue(entry.Content), entry.StripsLeft, entry.StripsRight, entry.IsSingleWord));
        }
        foreach (string content in _roles.Values.OfType<string>().Distinct().Where(c => !_entries.ContainsKey(c)))
        {
            if (vocabulary.TryGetId(content, out int id))
                tokens.Add(new AddedToken(content, id));
        }
        return tokens;
    }

    private string Add(JsonElement token, int? id, bool isSpecial)
    {
        if (token.ValueKind == JsonValueKind.String)
            return Add(new Entry(token.GetString()!, id, isSpecial, StripsLeft: false, StripsRight: false, IsSingleWord: false));
        string content = token.GetProperty("content").GetString() ?? throw new JsonException("an added token has no content");
        return Add(new Entry(content, id, Flag(token, "special", isSpecial) || isSpecial, Flag(token, "lstrip", false), Flag(token, "rstrip", false), Flag(token, "single_word", false)));
    }

    private string Add(Entry entry)
    {
        if (entry.Content.Length == 0)
            throw new JsonException("an added token is empty");
        _entries[entry.Content] = _entries.TryGetValue(entry.Content, out Entry? before)
            ? entry with { Id = entry.Id ?? before.Id, IsSpecial = entry.IsSpecial || before.IsSpecial } : entry;
        return entry.Content;
    }

    private static bool Flag(JsonElement parent, string name, bool otherwise) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetBoolean() : otherwise;

    private static TokenSide Side(JsonElement parent, string name, TokenSide otherwise)
    {
        if (!parent.TryGetProperty(name, out JsonElement value))
            return otherwise;
        return value.GetString() switch
        {
            "left" => TokenSide.Left,
            "right" => TokenSide.Right,
            string other => throw new JsonException($"{name} is '{other}', left or right is due"),
            null => throw new JsonException($"{name} is null, left or right is due"),
        };
    }
}

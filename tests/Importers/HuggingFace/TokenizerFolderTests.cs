using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Importers.HuggingFace;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Tokenizers from files: every form, and every fault named.</summary>
public sealed class TokenizerFolderTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public TokenizerFolderTests() => TokenizerFiles.WriteSmall(Folder);

    public void Dispose() => _files.Dispose();

    private string Folder => _files["model"];

    [Fact]
    public void The_published_files_hold_the_vocabulary_that_comes_along()
    {
        Gpt2Vocabulary files = Gpt2Tokenizer.Open(GraftShared.Path("reference", "hf", "tokenizer")).Vocabulary, embedded = Gpt2Tokenizer.Default.Vocabulary;
        Assert.Equal(files.Pieces, embedded.Pieces);
        Assert.Equal(50_000, files.Merges.Count);
        Assert.Equal(files.Merges.Pairs.ToHashSet(), embedded.Merges.Pairs.ToHashSet());
    }

    [Fact]
    public void A_vocabulary_whose_ids_are_not_in_the_order_of_its_merges_is_read()
    {
        // RoBERTa's tokenizer is GPT-2's with other ids; special tokens stand around each text.
        string folder = GraftShared.Path("reference", "hf", "roberta_tiny");
        foreach (string name in new[] { "vocab.json", "merges.txt" })
            File.Copy(Path.Combine(folder, name), Path.Combine(Folder, name), overwrite: true);
        Write("special_tokens_map.json", """{"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>","mask_token":{"content":"<mask>","lstrip":true,"rstrip":false}}""");
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        Assert.Equal([0, 2, 3, 1], new[] { tokenizer.BosToken, tokenizer.EosToken, tokenizer.UnkToken, tokenizer.PadToken });
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer_cases.json")));
        JsonElement[] single = [.. cases.RootElement.GetProperty("single").EnumerateArray()];
        Assert.Equal(16, single.Length);
        foreach (JsonElement c in single)
            Assert.Equal(c.GetProperty("input_ids").Ids()[1..^1], tokenizer.Encode(c.Text("text")));
    }

    [Fact]
    public void A_tokenizer_that_transformers_has_saved_is_read()
    {
        // The 21 tokens of transformers' own tests of GPT2Tokenizer, with the ids that those expect.
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(GraftShared.Path("corpora", "wild", "mozilla-ai__lm-buddy__tiny_gpt2"));
        Assert.Equal([14, 15, 10, 9, 3, 2, 15], tokenizer.Encode("lower newer", addPrefixSpace: true));
        Assert.Equal((20, 19), (tokenizer.EosToken, tokenizer.UnkToken));
        Assert.Equal([19, 1, 19], tokenizer.Encode("xoy"));
        Assert.Null(tokenizer.ModelMaxLength);
    }

    [Fact]
    public void A_tokenizer_of_characters_is_refused() => Assert.Contains("is not a tokenizer of GPT-2's kind",
        Assert.Throws<GraftException>(() => Gpt2Tokenizer.Open(GraftShared.Path("corpora", "wild", "MLegkovskis__tiny-llm-cicd"))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_small_vocabulary_encodes_and_decodes()
    {
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        Assert.Equal(261, tokenizer.VocabularySize);
        Assert.Equal(260, tokenizer.EosToken);
        int[] ids = tokenizer.Encode("hello wo<|endoftext|>");
        Assert.Equal(["hell", "o", "Ġw", "o", "<|endoftext|>"], tokenizer.Pieces(ids));
        Assert.Equal("hello wo<|endoftext|>", tokenizer.Decode(ids));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tokenizer_json_gives_the_same_tokenizer(bool mergesAsPairs)
    {
        Gpt2Tokenizer pair = Gpt2Tokenizer.Open(Folder);
        Alone(TokenizerFiles.Whole(TokenizerFiles.SmallPieces, TokenizerFiles.SmallMerges.Select(m => mergesAsPairs ? new JsonArray([.. m.Split(' ').Select(p => (JsonNode)p)]) : (JsonNode)m)));
        Gpt2Tokenizer whole = Gpt2Tokenizer.Open(Folder);
        Assert.Equal(pair.Vocabulary.Pieces, whole.Vocabulary.Pieces);
        Assert.Equal(pair.AddedTokens, whole.AddedTokens);
        Assert.Equal(pair.Encode("hello <|endoftext|> world"), whole.Encode("hello <|endoftext|> world"));
    }

    [Fact]
    public void Tokenizer_json_tells_of_a_prefix_space()
    {
        JsonObject root = TokenizerFiles.Whole(TokenizerFiles.SmallPieces, TokenizerFiles.SmallMerges.Select(m => (JsonNode)m));
        root["pre_tokenizer"]!["add_prefix_space"] = true;
        Alone(root);
        Assert.Equal(["Ġw"], Pieces("w"));
    }

    [Fact]
    public void A_tokenizer_of_another_kind_is_refused()
    {
        (string Words, Action<JsonObject> Change)[] changes =
        [
            ("its model is 'WordPiece'", r => r["model"]!["type"] = "WordPiece"),
            ("it normalizes text ('NFC')", r => r["normalizer"] = new JsonObject { ["type"] = "NFC" }),
            ("its pre_tokenizer is 'Metaspace'", r => r["pre_tokenizer"] = new JsonObject { ["type"] = "Metaspace" }),
            ("it has no pre_tokenizer", r => r["pre_tokenizer"] = null),
            ("uses no pattern", r => r["pre_tokenizer"]!["use_regex"] = false),
            ("sets byte_fallback", r => r["model"]!["byte_fallback"] = true),
            ("sets ignore_merges", r => r["model"]!["ignore_merges"] = true),
            ("sets end_of_word_suffix", r => r["model"]!["end_of_word_suffix"] = "</w>"),
            ("merge 1 is \"h e l\"", r => r["model"]!["merges"]![0] = "h e l"),
            ("merge 2 joins 'l' and 'x', but the vocabulary has no token 'lx'", r => r["model"]!["merges"]![1] = "l x"),
            ("not the JSON that is due", r => r.Remove("model")),
            ("not the JSON that is due", r => r["added_tokens"] = 1),
        ];
        foreach ((string words, Action<JsonObject> change) in changes)
        {
            JsonObject root = TokenizerFiles.Whole(TokenizerFiles.SmallPieces, TokenizerFiles.SmallMerges.Select(m => (JsonNode)m));
            change(root);
            Alone(root);
            Fails("tokenizer.json", words);
        }
    }

    [Fact]
    public void Special_and_added_tokens_of_the_other_files_are_known()
    {
        Write("added_tokens.json", """{"<tool>":261}""");
        Write("special_tokens_map.json", """{"eos_token":{"content":"<|endoftext|>","lstrip":false,"rstrip":false,"normalized":true,"single_word":false},"pad_token":"<pad>"}""");
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        Assert.Equal(263, tokenizer.VocabularySize);
        Assert.Equal(262, tokenizer.PadToken); // without an id it stands behind, as transformers adds it
        Assert.Equal([new("<|endoftext|>", 260), new("<tool>", 261, IsSpecial: false), new("<pad>", 262)], tokenizer.AddedTokens);
        int[] ids = tokenizer.Encode("a<tool>b<pad>");
        Assert.Equal(["a", "<tool>", "b", "<pad>"], tokenizer.Pieces(ids));
        Assert.Equal("a <tool> b", tokenizer.Decode(ids, skipSpecialTokens: true)); // GPT2Tokenizer sets tokens that are added, but not special, off by spaces
        Assert.Equal("a <tool> b<pad>", string.Concat(ids.Select(tokenizer.Stream().Push)));
    }

    [Fact]
    public void The_settings_of_tokenizer_config_are_taken()
    {
        Write("tokenizer_config.json", """
            {"add_prefix_space":true,"add_bos_token":true,"clean_up_tokenization_spaces":false,"padding_side":"left","truncation_side":"left","model_max_length":4,"unk_token":null,
             "added_tokens_decoder":{"260":{"content":"<|endoftext|>","lstrip":false,"rstrip":true,"special":true}}}
            """);
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        Assert.Null(tokenizer.UnkToken);
        Assert.Equal(["<|endoftext|>", "Ġw", "<|endoftext|>", "w"], tokenizer.Pieces(tokenizer.Encode("w<|endoftext|>  w"))); // takes the spaces behind it
        Assert.Equal(" .", tokenizer.Decode(tokenizer.Encode("."), skipSpecialTokens: true));
        TokenBatch batch = tokenizer.EncodeBatch(["", "w123"], new TokenBatchOptions { Truncate = true });
        Assert.Equal(4, tokenizer.ModelMaxLength);
        Assert.Equal([0, 0, 1, 1], batch.AttentionMask[0]);
        Assert.Equal(["Ġw", "1", "2", "3"], tokenizer.Pieces(batch.Ids[1])); // cut on the left
    }

    [Fact]
    public void A_token_to_begin_with_that_the_vocabulary_lacks_is_refused()
    {
        Write("tokenizer_config.json", """{"add_bos_token":true,"bos_token":null}""");
        Fails("tokenizer_config.json", "sets add_bos_token, but the vocabulary has no bos_token");
    }

    [Fact]
    public void Tokenizer_json_stands_in_where_merges_are_missing()
    {
        JsonObject root = TokenizerFiles.Whole(TokenizerFiles.SmallPieces, TokenizerFiles.SmallMerges.Select(m => (JsonNode)m));
        Write("tokenizer.json", root.ToJsonString());
        File.Delete(Path.Combine(Folder, "merges.txt"));
        Assert.Equal(["hell"], Pieces("hell"));
    }

    [Fact]
    public void A_token_that_is_a_single_word_is_not_found_inside_one()
    {
        Write("tokenizer_config.json", """{"model_max_length":1000000000000000019884624838656,"added_tokens_decoder":{"261":{"content":"cat","single_word":true,"special":false}}}""");
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        Assert.Null(tokenizer.ModelMaxLength);
        Assert.Equal(["c", "a", "t", "s", "Ġ", "cat", "!"], tokenizer.Pieces(tokenizer.Encode("cats cat!")));
    }

    [Fact]
    public void Of_tokens_that_begin_alike_the_longest_is_found()
    {
        Write("added_tokens.json", """{"<a":261,"<a>":262}""");
        Assert.Equal(["<a>", "<a", "b"], Pieces("<a><ab"));
    }

    [Fact]
    public void A_byte_that_the_vocabulary_lacks_is_the_unknown_token()
    {
        TokenizerFiles.WriteVocabulary(Folder, TokenizerFiles.SmallPieces.Where(p => p != "z").Select((p, id) => (p, id)));
        Assert.Equal(["a", "<|endoftext|>", "b"], Pieces("azb"));
        Write("special_tokens_map.json", """{"unk_token":null}""");
        Assert.Contains("no token for a byte of 'azb'", Assert.Throws<GraftException>(() => Pieces("azb")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        Assert.Contains("no such folder", Assert.Throws<GraftException>(() => Gpt2Tokenizer.Open(_files["nowhere"])).Message, StringComparison.Ordinal);
        string merges = File.ReadAllText(Path.Combine(Folder, "merges.txt"));
        File.Delete(Path.Combine(Folder, "merges.txt"));
        Fails("merges.txt", "no such file; vocab.json is there");
        File.Delete(Path.Combine(Folder, "vocab.json"));
        Fails(Folder, "holds neither vocab.json and merges.txt nor tokenizer.json");
        Write("merges.txt", merges);
        Fails("vocab.json", "no such file; merges.txt is there");
    }

    [Theory]
    [InlineData("vocab.json", "")]
    [InlineData("vocab.json", "{\"a\":0,")]
    [InlineData("vocab.json", "{\"a\":0}}")]
    [InlineData("vocab.json", "[\"a\"]")]
    [InlineData("vocab.json", "{\"a\":\"0\"}")]
    [InlineData("vocab.json", "{\"a\":0.5}")]
    [InlineData("vocab.json", "<!DOCTYPE html>")]
    [InlineData("vocab.json", "{\"\\ud83d\":0}")] // half a surrogate pair
    [InlineData("added_tokens.json", "{\"a\":")]
    [InlineData("added_tokens.json", "{\"<a>\":\"261\"}")]
    [InlineData("added_tokens.json", "{\"\":261}")]
    [InlineData("special_tokens_map.json", "[]")]
    [InlineData("special_tokens_map.json", "{\"eos_token\":{\"special\":true}}")]
    [InlineData("tokenizer_config.json", "{\"padding_side\":\"top\"}")]
    [InlineData("tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":\"<a>\"}}")]
    [InlineData("tokenizer_config.json", "{\"add_prefix_space\":\"yes\"}")]
    public void Damaged_JSON_is_refused_with_the_files_name(string name, string json)
    {
        Write(name, json);
        Fails(name, "is not the JSON that is due there");
    }

    [Theory]
    [InlineData("{}", "holds no tokens")]
    [InlineData("{\"a\":0,\"b\":2}", "token 'b' has id 2, but there are 2 tokens")]
    [InlineData("{\"a\":0,\"b\":-1}", "token 'b' has id -1")]
    [InlineData("{\"a\":0,\"b\":0}", "'a' and 'b' have the same id 0")]
    [InlineData("{\"a\":0,\"a\":1}", "'a' stands there twice")]
    public void A_vocabulary_with_holes_or_doubles_is_refused(string json, string words)
    {
        Write("vocab.json", json);
        Fails("vocab.json", words);
    }

    [Theory]
    [InlineData("#version: 0.2\nh e\nhe lo\n", "merge 2 joins 'he' and 'lo', but the vocabulary has no token 'lo'")]
    [InlineData("#version: 0.2\nh x\n", "merge 1 joins 'h' and 'x', but the vocabulary has no token 'hx'")]
    [InlineData("#version: 0.2\nh e\nl", "its last line 'l' has no end")]
    [InlineData("#version: 0.2\nhe\n", "line 2 is 'he'; two tokens")]
    [InlineData("#version: 0.2\nh e l\n", "line 2 is 'h e l'; two tokens")]
    [InlineData("<html>\n", "line 1 is '<html>'; two tokens")]
    public void Merges_that_do_not_fit_the_vocabulary_are_refused(string merges, string words)
    {
        Write("merges.txt", merges);
        Fails("merges.txt", words);
    }

    [Fact]
    public void Merges_with_other_line_ends_or_without_a_version_are_read()
    {
        Write("merges.txt", "h e\r\nl l\r\n");
        Assert.Equal(["he", "ll", "o"], Pieces("hello"));
    }

    [Fact]
    public void A_vocabulary_and_merges_of_different_sizes_are_refused()
    {
        string[] merges = [.. Enumerable.Range('a', 20).Select(c => $"x {(char)c}")], pieces = [.. TokenizerFiles.SmallPieces[..256], .. merges.Select(m => m.Replace(" ", "", StringComparison.Ordinal))];
        TokenizerFiles.WriteVocabulary(Folder, pieces.Select((p, id) => (p, id)));
        TokenizerFiles.WriteMerges(Folder, merges);
        Assert.Equal(["xb"], Pieces("xb"));
        TokenizerFiles.WriteMerges(Folder, merges[..2]);
        Fails("vocab.json", "has 2 merges, which make none of 18 of them ('xc', 'xd', ...)");
        TokenizerFiles.WriteMerges(Folder, Enumerable.Repeat(merges[0], 300));
        Fails("merges.txt", "has more merges than the vocabulary has tokens (276)");
    }

    [Theory]
    [InlineData("{\"he\":7}", "'he' has id 7, but the vocabulary gives it 256")]
    [InlineData("{\"<a>\":5}", "'<a>' has id 5, which is '")]
    [InlineData("{\"<a>\":262}", "'<a>' has id 262, but no token has id 261")]
    [InlineData("{\"<a>\":261,\"<b>\":261}", "another added token has it too")]
    public void Added_tokens_that_contradict_the_vocabulary_are_refused(string json, string words)
    {
        Write("added_tokens.json", json);
        Fails(Folder, words);
    }

    private string[] Pieces(string text)
    {
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Open(Folder);
        return tokenizer.Pieces(tokenizer.Encode(text));
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(Folder, name), text);

    private void Alone(JsonObject whole)
    {
        foreach (string file in Directory.GetFiles(Folder))
            File.Delete(file);
        Write("tokenizer.json", whole.ToJsonString());
    }

    private void Fails(string name, string words)
    {
        string message = Assert.Throws<GraftException>(() => Gpt2Tokenizer.Open(Folder)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }
}

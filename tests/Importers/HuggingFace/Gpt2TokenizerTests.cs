using System.Text.Json;
using Graft.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

public sealed class Gpt2TokenizerTests
{
    private static readonly Gpt2Tokenizer s_tokenizer = Gpt2Tokenizer.Default;

    [Fact]
    public void Every_text_has_the_ids_of_Hugging_Face()
    {
        JsonElement[] cases = TokenizerCases.Of("strings");
        Assert.Equal(431, cases.Length);
        foreach (JsonElement c in cases)
        {
            string text = c.Text("text");
            int[] ids = c.GetProperty("ids").Ids();
            Assert.Equal(ids, s_tokenizer.Encode(text));
            Assert.Equal(c.TryGetProperty("ids_endoftext_as_text", out JsonElement plain) ? plain.Ids() : ids, s_tokenizer.Encode(text, parseSpecialTokens: false));
            Assert.Equal(c.GetProperty("ids_add_prefix_space").Ids(), s_tokenizer.Encode(text, addPrefixSpace: true));
        }
    }

    [Fact]
    public void Every_text_comes_back_and_is_cleaned_up_as_by_Hugging_Face()
    {
        foreach (JsonElement c in TokenizerCases.Of("strings"))
        {
            int[] ids = c.GetProperty("ids").Ids();
            string decoded = c.TryGetProperty("decode", out JsonElement other) ? other.GetString()! : c.Text("text");
            string Or(string name) => c.TryGetProperty(name, out JsonElement given) ? given.GetString()! : decoded;
            Assert.Equal(decoded, s_tokenizer.Decode(ids, cleanUp: false));
            Assert.Equal(Or("decode_clean"), s_tokenizer.Decode(ids, cleanUp: true));
            Assert.Equal(Or("decode_skip"), s_tokenizer.Decode(ids, skipSpecialTokens: true, cleanUp: false));
            Assert.Equal(Or("decode_skip_clean"), s_tokenizer.Decode(ids, skipSpecialTokens: true, cleanUp: true));
        }
    }

    [Fact]
    public void Ids_that_are_no_text_decode_as_by_Hugging_Face()
    {
        JsonElement[] cases = TokenizerCases.Of("decode_ids");
        Assert.Equal(131, cases.Length);
        foreach (JsonElement c in cases)
        {
            int[] ids = c.GetProperty("ids").Ids();
            Assert.Equal(c.Text("decode"), s_tokenizer.Decode(ids, cleanUp: false));
            Assert.Equal(c.Text("decode_clean"), s_tokenizer.Decode(ids));
            Assert.Equal(c.Text("decode_skip"), s_tokenizer.Decode(ids, skipSpecialTokens: true, cleanUp: false));
            Assert.Equal(c.Text("decode_skip_clean"), s_tokenizer.Decode(ids, skipSpecialTokens: true));
            if (c.TryGetProperty("tokens", out JsonElement tokens))
                Assert.Equal(tokens.EnumerateArray().Select(t => t.GetString()), s_tokenizer.Pieces(ids));
        }
    }

    [Fact]
    public void Clean_up_takes_out_the_spaces_that_Hugging_Face_takes_out()
    {
        foreach (JsonElement c in TokenizerCases.Of("clean_up"))
        {
            Assert.Equal(c.GetProperty("ids").Ids(), s_tokenizer.Encode(c.Text("text")));
            Assert.Equal(c.Text("decode_clean"), s_tokenizer.Decode(c.GetProperty("ids").Ids()));
        }
    }

    [Fact]
    public void Batches_are_padded_and_cut_as_by_Hugging_Face()
    {
        JsonElement[] cases = TokenizerCases.Of("batches");
        Assert.Equal(11, cases.Length);
        foreach (JsonElement c in cases)
        {
            JsonElement args = c.GetProperty("args");
            int? Number(string name) => args.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : null;
            TokenBatch batch = s_tokenizer.EncodeBatch([.. c.GetProperty("texts").EnumerateArray().Select(t => t.GetString()!)], new TokenBatchOptions
            {
                Padding = args.GetProperty("padding").ValueKind == JsonValueKind.String && args.Text("padding") == "max_length" ? TokenPadding.MaxLength : TokenPadding.Longest,
                Truncate = args.TryGetProperty("truncation", out JsonElement truncate) && truncate.GetBoolean(),
                MaxLength = Number("max_length"),
                PadToMultipleOf = Number("pad_to_multiple_of"),
                PaddingSide = c.Text("padding_side") == "left" ? TokenSide.Left : TokenSide.Right,
                TruncationSide = c.Text("truncation_side") == "left" ? TokenSide.Left : TokenSide.Right,
            });
            Assert.Equal(c.GetProperty("input_ids").EnumerateArray().Select(r => r.Ids()), batch.Ids);
            Assert.Equal(c.GetProperty("attention_mask").EnumerateArray().Select(r => r.Ids()), batch.AttentionMask);
        }
    }

    [Fact]
    public void A_batch_without_padding_keeps_the_lengths_of_its_texts()
    {
        TokenBatch batch = s_tokenizer.EncodeBatch(["Once upon a time", ""], new TokenBatchOptions { Padding = TokenPadding.None });
        Assert.Equal([[7454, 2402, 257, 640], []], batch.Ids);
        Assert.Equal([[1, 1, 1, 1], []], batch.AttentionMask);
        Assert.Empty(s_tokenizer.EncodeBatch([]).Ids);
    }

    [Fact]
    public void A_batch_that_is_cut_needs_a_length()
    {
        string message = Assert.Throws<GraftException>(() => s_tokenizer.EncodeBatch(["a"], new TokenBatchOptions { Truncate = true })).Message;
        Assert.Contains("MaxLength is not set", message, StringComparison.Ordinal);
        message = Assert.Throws<GraftException>(() => s_tokenizer.EncodeBatch(["a"], new TokenBatchOptions { Truncate = true, MaxLength = 6, PadToMultipleOf = 4 })).Message;
        Assert.Contains("cut to 6 and padded to a multiple of 4", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tokenizer_of_GPT_2_has_its_size_and_one_special_token()
    {
        Assert.Equal(50257, s_tokenizer.VocabularySize);
        Assert.Equal(new AddedToken("<|endoftext|>", 50256), Assert.Single(s_tokenizer.AddedTokens));
        Assert.Equal([50256, 50256, 50256, 50256], new[] { s_tokenizer.EosToken, s_tokenizer.BosToken, s_tokenizer.UnkToken, s_tokenizer.PadToken });
        Assert.Equal(7454, s_tokenizer.IdOf("Once"));
        Assert.Null(s_tokenizer.IdOf("no such token"));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(50257)]
    [InlineData(int.MaxValue)]
    public void An_id_outside_the_vocabulary_is_named(int id)
    {
        foreach (Func<object> use in new Func<object>[] { () => s_tokenizer.Decode([id]), () => s_tokenizer.Pieces([id]), () => s_tokenizer.Stream().Push(id) })
        {
            string message = Assert.Throws<GraftException>(use).Message;
            Assert.Contains($"no token {id}; its ids go from 0 to 50256", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused_not_replaced()
    {
        foreach (string text in new[] { "ab\uD83D", "\uDC68ab", "a\uDC68\uD83Db" })
            Assert.Contains("half a surrogate pair", Assert.Throws<GraftException>(() => s_tokenizer.Encode(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_threads_get_the_ids_of_one()
    {
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => RandomText.Next(new Random(i)))];
        int[][] expected = [.. texts.Select(t => s_tokenizer.Encode(t))];
        Gpt2Tokenizer fresh = new(s_tokenizer.Vocabulary, new TokenizerSettings(), "test");
        var found = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => found[i] = fresh.Encode(texts[i]));
        Assert.Equal(expected, found);
    }

    [Fact]
    public void A_text_of_one_endless_word_is_encoded()
    {
        Assert.Equal(Enumerable.Repeat(s_tokenizer.IdOf("aaaa")!.Value, 50_000), s_tokenizer.Encode(new string('a', 200_000))); // no token has more a's alone
        var random = new Random(9);
        string letters = string.Concat(Enumerable.Range(0, 200_000).Select(_ => (char)random.Next('a', 'z' + 1)));
        Assert.Equal(letters, s_tokenizer.Decode(s_tokenizer.Encode(letters)));
    }
}

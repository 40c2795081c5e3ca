using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Text;

public sealed class CharacterTokenizerTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Ids_follow_the_code_points_of_the_texts_characters()
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.Of(["banana\n", "cab 👨"]);
        Assert.Equal(7, tokenizer.VocabularySize); // line end, space, a, b, c, n, and one emoji outside the first plane
        Assert.Null(tokenizer.EosToken);
        Assert.Equal([2, 3, 0, 1], tokenizer.Encode("ab\n "));
    }

    [Fact]
    public void Decoding_gives_the_text_back_whole_characters_outside_the_first_plane_included()
    {
        const string Text = "Zoë saw 👨‍👩‍👧 at the café.\r\n";
        CharacterTokenizer tokenizer = CharacterTokenizer.Of([Text], hasEnd: true);
        int[] ids = tokenizer.Encode(Text);
        Assert.Equal(Text, tokenizer.Decode(ids));
        Assert.Equal(Text + "<|endoftext|>", tokenizer.Decode([.. ids, tokenizer.EosToken!.Value]));
        Assert.Equal(tokenizer.VocabularySize - 1, tokenizer.EosToken);
    }

    [Fact]
    public void A_saved_vocabulary_is_read_back()
    {
        CharacterTokenizer saved = CharacterTokenizer.Of(["\"\\\t Zoë 👨"], hasEnd: true);
        saved.Save(_files["model"]);
        ITokenizer read = TextTokenizers.Open(_files["model"]);
        Assert.Equal(saved.Encode("👨 \\\""), read.Encode("👨 \\\""));
        Assert.Equal((saved.VocabularySize, saved.EosToken), (read.VocabularySize, read.EosToken));
        Assert.False(File.Exists(_files[Path.Combine("model", "vocab.json")])); // not ASCII: no byte-level BPE without merges
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_ASCII_GPT2s_tokenizer_reads_the_same_vocabulary(bool hasEnd)
    {
        const string Text = "The  quick fox's \"leap\",\n\tat 12:30!\r\n";
        CharacterTokenizer tokenizer = CharacterTokenizer.Of([Text], hasEnd);
        tokenizer.Save(_files["model"]);
        Gpt2Tokenizer gpt2 = Gpt2Tokenizer.Open(_files["model"]);
        Assert.Equal(tokenizer.Encode(Text), gpt2.Encode(Text));
        Assert.Equal((tokenizer.VocabularySize, tokenizer.EosToken), (gpt2.VocabularySize, gpt2.EosToken));
        Assert.Equal(Text, gpt2.Decode(tokenizer.Encode(Text)));
    }

    [Fact]
    public void A_character_that_the_vocabulary_lacks_is_named_with_its_place()
    {
        string message = Assert.Throws<GraftException>(() => CharacterTokenizer.Of(["abc"]).Encode("abé")).Message;
        Assert.Contains("'é' (U+00E9), which the text has at character 2; there are 3 characters", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_surrogate_pair_no_text_and_a_strange_id_are_refused()
    {
        Assert.Contains("half a surrogate pair at character 1", Assert.Throws<GraftException>(() => CharacterTokenizer.Of(["a\uD83D"])).Message, StringComparison.Ordinal);
        Assert.Contains("no characters", Assert.Throws<GraftException>(() => CharacterTokenizer.Of([""])).Message, StringComparison.Ordinal);
        Assert.Contains("no token 3; its ids go from 0 to 2", Assert.Throws<GraftException>(() => CharacterTokenizer.Of(["abc"]).Decode([3])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is no object")]
    [InlineData("{}", "is no object")]
    [InlineData("""{"characters": ["ab"]}""", "'ab' is not one character")]
    [InlineData("""{"characters": ["a", "a"]}""", "twice")]
    public void A_damaged_file_is_named(string json, string words)
    {
        string path = _files.Write(CharacterTokenizer.FileName, System.Text.Encoding.UTF8.GetBytes(json));
        string message = Assert.Throws<GraftException>(() => CharacterTokenizer.Open(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }
}

using System.Text;
using Graft.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

public sealed class TokenStreamTests
{
    private static readonly Gpt2Tokenizer s_tokenizer = Gpt2Tokenizer.Default;

    [Fact]
    public void A_character_comes_out_whole_with_the_last_of_its_tokens()
    {
        int[] ids = s_tokenizer.Encode("a👨b");
        Assert.Equal(4, ids.Length); // the emoji has two tokens
        TokenStream stream = s_tokenizer.Stream(cleanUp: false);
        Assert.Equal(["a", "", "👨", "b", ""], [.. ids.Select(stream.Push), stream.Flush()]);
    }

    [Fact]
    public void A_character_that_never_ends_becomes_one_replacement_character()
    {
        TokenStream stream = s_tokenizer.Stream();
        Assert.Equal("", stream.Push(s_tokenizer.Encode("👨")[0]));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("Once", stream.Push(7454)); // and begins anew
    }

    [Fact]
    public void Clean_up_waits_for_what_follows_a_space()
    {
        TokenStream stream = s_tokenizer.Stream(cleanUp: true);
        int[] ids = s_tokenizer.Encode("he 's , x");
        Assert.Equal(["he", "Ġ'", "s", "Ġ,", "Ġx"], s_tokenizer.Pieces(ids));
        Assert.Equal(["he", "", "'s", ",", " x", ""], [.. ids.Select(stream.Push), stream.Flush()]);
    }

    [Fact]
    public void The_parts_together_are_what_decoding_at_once_gives()
    {
        var random = new Random(5);
        int[] awkward = [41840, 101, 447, 235, 220, 19526, 254, 764, 11, 12, 50256, 299, 470, 705]; // parts of characters, spaces, punctuation, end of text
        for (int round = 0; round < 2000; round++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(3) switch { 0 => random.Next(50257), 1 => random.Next(256), _ => awkward[random.Next(awkward.Length)] })];
            bool skip = random.Next(2) == 0, clean = random.Next(2) == 0;
            TokenStream stream = s_tokenizer.Stream(skip, clean);
            var text = new StringBuilder();
            foreach (int id in ids)
            {
                string part = stream.Push(id);
                Assert.False(part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1])), "half a character came out");
                text.Append(part);
            }
            Assert.Equal(s_tokenizer.Decode(ids, skip, clean), text.Append(stream.Flush()).ToString());
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xE0, 0x80, 0x80 }, 3)] // no character begins with E0 80
    [InlineData(new byte[] { 0xF0, 0x9F, 0x91 }, 1)] // three bytes of four
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 }, 3)] // a surrogate
    [InlineData(new byte[] { 0xC0, 0xAF }, 2)] // an overlong slash
    [InlineData(new byte[] { 0xF4, 0x90, 0x80, 0x80 }, 4)] // beyond U+10FFFF
    [InlineData(new byte[] { 0xE2, 0x82, 0xE2, 0x82 }, 2)]
    public void Invalid_bytes_become_a_replacement_character_for_each_maximal_part(byte[] bytes, int count)
    {
        int[] ids = [.. bytes.Select(b => s_tokenizer.IdOf(ByteAlphabet.Letter(b).ToString())!.Value)];
        Assert.Equal(new string('\uFFFD', count), s_tokenizer.Decode(ids));
    }
}

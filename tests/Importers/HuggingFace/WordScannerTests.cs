using Graft.Importers.HuggingFace;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

public sealed class WordScannerTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("Hello, world!", new[] { "Hello", ",", " world", "!" })]
    [InlineData("  two  spaces  ", new[] { " ", " two", " ", " spaces", "  " })]
    [InlineData("a\n\nb \nc", new[] { "a", "\n", "\n", "b", " ", "\n", "c" })]
    [InlineData("a\tb\t", new[] { "a", "\t", "b", "\t" })]
    [InlineData("it's we've they'll I'M", new[] { "it", "'s", " we", "'ve", " they", "'ll", " I", "'", "M" })]
    [InlineData("''s 's !'s 'r", new[] { "''", "s", " '", "s", " !'", "s", " '", "r" })] // punctuation before it takes the apostrophe with it
    [InlineData("don\u2019t", new[] { "don", "\u2019", "t" })] // U+0027 only
    [InlineData("x86 3.14 \u00BD\u00B2", new[] { "x", "86", " 3", ".", "14", " \u00BD\u00B2" })]
    [InlineData("a \U00010400\U00010428b", new[] { "a", " \U00010400\U00010428b" })] // Deseret letters lie beyond U+FFFF
    [InlineData("\U00020000\u4E2D\U0001D7CF2", new[] { "\U00020000\u4E2D", "\U0001D7CF2" })] // ideographs, then digits
    [InlineData("e\u0301t\u00E9", new[] { "e", "\u0301", "t\u00E9" })] // a combining accent is no letter
    [InlineData("a\u00A0b\u3000c", new[] { "a", "\u00A0", "b", "\u3000", "c" })] // white space, but not the space that goes with a word
    [InlineData("a \u00A0b", new[] { "a", " ", "\u00A0", "b" })]
    public void Text_is_split_as_by_the_pattern_of_GPT_2(string text, string[] words)
    {
        var found = new List<string>();
        var scanner = new WordScanner(text);
        while (scanner.MoveNext())
            found.Add(scanner.Current.ToString());
        Assert.Equal(words, found);
    }

    [Fact]
    public void White_space_is_that_of_Python()
    {
        HashSet<int> expected = [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0, 0x1680, .. Enumerable.Range(0x2000, 11), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]; // not 1C to 1F, 180E, 200B, FEFF
        for (int c = 0; c <= char.MaxValue; c++)
        {
            // Two of it and a mark: white space is split between the two, letters and numbers before the mark, all else not at all.
            var scanner = new WordScanner($"{(char)c}{(char)c}!");
            Assert.True(scanner.MoveNext());
            Assert.True(expected.Contains(c) == (scanner.Current.Length == 1), $"U+{c:X4}");
        }
    }
}

using System.Text;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Random text of what tokenizers get wrong: scripts mixed, letters and digits beyond U+FFFF, emoji, controls, all kinds of spaces.</summary>
internal static class RandomText
{
    private static readonly string[] s_parts =
    [
        " ", "  ", "\n", "\r\n", "\t", " \n", "\u00A0", "\u2003", "\u3000", "\u0085", "\u2028", "\u200B", "\u180E", "\uFEFF", "\u001C", "\0", "\u007F",
        "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "\u2019s", " 's", "''", "n't", "Once upon a time", " the", "The", "ing", "Straße", "naïve", "e\u0301", "\u0301",
        "123", "3.14", "²", "½", "Ⅷ", "٣", "𝟘", "𐄇", "👨‍👩‍👧", "🇩🇪", "👍🏽", "𠀀", "𐐀", "中文", "日本語", "한국어", "हिन्दी", "עברית", "العربية", "ไทย", "!?", "...", "--", "://", "_", "$", "€", "(", ")",
        "<|endoftext|>", "<|", "|>", "aaaaaaaaaaaaaaaa", "================", "\uFFFD", "\U000E0001", "\U0010FFFF", "\uE000",
    ];

    private static readonly (int First, int Last)[] s_ranges =
    [
        (0x20, 0x7E), (0x20, 0x7E), (0x00, 0x1F), (0x80, 0xFF), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0xDFF), (0xE00, 0x1FFF), (0x2000, 0x2BFF), (0x2C00, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x2FFFF),
    ];

    /// <summary>A text of up to 24 parts: words and other pieces, and runs of code points of one range.</summary>
    public static string Next(Random random)
    {
        var text = new StringBuilder();
        for (int parts = random.Next(1, 25); parts > 0; parts--)
        {
            if (random.Next(3) > 0)
            {
                text.Append(s_parts[random.Next(s_parts.Length)]);
                continue;
            }
            (int first, int last) = s_ranges[random.Next(s_ranges.Length)];
            for (int run = random.Next(1, 8); run > 0; run--)
                text.Append(char.ConvertFromUtf32(random.Next(first, last + 1)));
        }
        return text.ToString();
    }
}

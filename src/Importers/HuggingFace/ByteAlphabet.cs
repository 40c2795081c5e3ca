using System.Buffers;
using System.Text;

namespace Graft.Importers.HuggingFace;

/// <summary>The letters that stand for bytes in vocab.json and merges.txt: printable bytes are themselves, the others follow from U+0100 on.</summary>
/// <remarks>A space is 'Ġ', a line feed 'Ċ'. Source: bytes_to_unicode of GPT-2's encoder.py (OpenAI, 2019).</remarks>
internal static class ByteAlphabet
{
    private const int Bytes = 256, Letters = 324; // 188 printable bytes end at U+00FF, the 68 others at U+0143
    private const short NoByte = -1;

    private static readonly char[] s_letters = MakeLetters();
    private static readonly short[] s_bytes = MakeBytes();

    /// <summary>The letter of a byte.</summary>
    public static char Letter(byte value) => s_letters[value];

    /// <summary>Spells bytes in letters.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes)
    {
        var letters = new char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
            letters[i] = s_letters[bytes[i]];
        return new string(letters);
    }

    /// <summary>Writes the bytes that a token stands for; a token with a character outside the alphabet stands for its own UTF-8.</summary>
    public static void Write(string token, IBufferWriter<byte> bytes)
    {
        Span<byte> span = bytes.GetSpan(Encoding.UTF8.GetMaxByteCount(token.Length));
        for (int i = 0; i < token.Length; i++)
        {
            short value = token[i] < Letters ? s_bytes[token[i]] : NoByte;
            if (value == NoByte)
            {
                bytes.Advance(Encoding.UTF8.GetBytes(token, span));
                return;
            }
            span[i] = (byte)value;
        }
        bytes.Advance(token.Length);
    }

    private static char[] MakeLetters()
    {
        var letters = new char[Bytes];
        int others = 0;
        for (int b = 0; b < Bytes; b++)
            letters[b] = b is (>= '!' and <= '~') or (>= '\u00A1' and <= '\u00AC') or (>= '\u00AE' and <= '\u00FF') ? (char)b : (char)(Bytes + others++);
        return letters;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[Letters];
        Array.Fill(bytes, NoByte);
        for (int b = 0; b < Bytes; b++)
            bytes[s_letters[b]] = (short)b;
        return bytes;
    }
}

using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of text: numbers in it, its lines, its words.</summary>
internal static partial class TextMutations
{
    private static readonly string[] s_numbers = ["0", "-1", "1", "", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "1e9", "0.5", "00", "None", "(1,)"];

    public static IReadOnlyList<Mutation> All { get; } = [Number, Number, Lines, Words];

    /// <summary>A number of the text in another.</summary>
    public static byte[] Number(byte[] bytes, Random random)
    {
        string text = Encoding.Latin1.GetString(bytes);
        MatchCollection numbers = Digits().Matches(text);
        if (numbers.Count == 0)
            return ByteMutations.Any(bytes, random);
        Match at = numbers[random.Next(numbers.Count)];
        string by = random.Next(3) == 0 && long.TryParse(at.ValueSpan, CultureInfo.InvariantCulture, out long n) && n < long.MaxValue ? (n + random.Next(3) - 1).ToString(CultureInfo.InvariantCulture) : s_numbers[random.Next(s_numbers.Length)];
        return Encoding.Latin1.GetBytes($"{text[..at.Index]}{by}{text[(at.Index + at.Length)..]}");
    }

    private static byte[] Lines(byte[] bytes, Random random)
    {
        List<string> lines = [.. Encoding.Latin1.GetString(bytes).Split('\n')];
        int i = random.Next(lines.Count);
        switch (random.Next(4))
        {
            case 0: lines.RemoveAt(i); break;
            case 1: lines.Insert(i, lines[random.Next(lines.Count)]); break;
            case 2: lines[i] = lines[random.Next(lines.Count)] + lines[i]; break;
            default: (lines[i], lines[0]) = (lines[0], lines[i]); break;
        }
        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }

    private static byte[] Words(byte[] bytes, Random random)
    {
        string[] words = Encoding.Latin1.GetString(bytes).Split(' ');
        words[random.Next(words.Length)] = words[random.Next(words.Length)];
        return Encoding.Latin1.GetBytes(string.Join(' ', words));
    }

    [GeneratedRegex(@"-?\d+")]
    private static partial Regex Digits();
}

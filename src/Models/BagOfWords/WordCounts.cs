using System.Text;

namespace Graft.Models;

/// <summary>Texts as the words that are in them, whatever their order: tf-idf, each text of length 1.</summary>
/// <remarks>
/// A word is a run of letters and digits, in lower case; every other character that is no space is a word by itself. A word's number in a text is
/// (1 + ln n) (1 + ln((1 + N) / (1 + d))), with n its count there, d the texts of the N learned from that have it: scikit-learn's TfidfVectorizer with
/// sublinear_tf, and its smooth idf.
/// </remarks>
internal sealed class WordCounts
{
    private readonly Dictionary<string, int> _columns = [];
    private readonly double[] _rarity; // [word]: 1 + ln((1 + N) / (1 + d))

    /// <summary>Learns the words of some texts.</summary>
    public WordCounts(IReadOnlyList<string> texts)
    {
        var holders = new List<int>();
        foreach (string text in texts)
        {
            foreach (string word in Words(text).Distinct())
            {
                if (_columns.TryAdd(word, holders.Count))
                    holders.Add(0);
                holders[_columns[word]]++;
            }
        }
        _rarity = [.. holders.Select(d => 1 + Math.Log((1.0 + texts.Count) / (1 + d)))];
    }

    /// <summary>Number of words.</summary>
    public int Count => _rarity.Length;

    /// <summary>A text's words, those that were learned.</summary>
    public SparseRow RowOf(string text)
    {
        (int Column, double Value)[] entries = [.. Words(text).Where(_columns.ContainsKey).GroupBy(w => _columns[w])
            .Select(g => (g.Key, (1 + Math.Log(g.Count())) * _rarity[g.Key])).OrderBy(e => e.Key)];
        double length = Math.Sqrt(entries.Sum(e => e.Value * e.Value));
        return new SparseRow([.. entries.Select(e => e.Column)], [.. entries.Select(e => e.Value / length)]);
    }

    internal static IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
            {
                word.Append(Rune.ToLowerInvariant(rune));
                continue;
            }
            if (word.Length > 0)
                yield return word.ToString();
            word.Clear();
            if (!Rune.IsWhiteSpace(rune))
                yield return rune.ToString();
        }
        if (word.Length > 0)
            yield return word.ToString();
    }
}

/// <summary>The numbers of a row that are not 0, by column.</summary>
internal readonly record struct SparseRow(int[] Columns, double[] Values);

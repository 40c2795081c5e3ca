namespace Graft;

/// <summary>How far two names are apart, for "the nearest name is" in errors.</summary>
public static class NameDistance
{
    /// <summary>Levenshtein distance: the fewest insertions, deletions and replacements of one character.</summary>
    public static int Between(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.Length];
    }
}

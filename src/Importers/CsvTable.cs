using System.Text;

namespace Graft.Importers;

/// <summary>
/// A table in a text file: a line of column names, then rows. Fields have commas, semicolons or tabs between, whichever the first line has most of; they may be quoted, with quotes twice inside (RFC 4180).
/// </summary>
/// <param name="Columns">Names of the columns, different from each other.</param>
/// <param name="Rows">The line that a row begins in, from 1, and its fields, as many as columns.</param>
internal sealed record CsvTable(IReadOnlyList<string> Columns, IReadOnlyList<(int Line, string[] Fields)> Rows)
{
    /// <exception cref="GraftException">The file is missing, has no rows, columns of one name or none, a row of another length, or a quote without end.</exception>
    public static CsvTable Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a table is due here: a line of column names, then rows, with commas, semicolons or tabs between.");
        string text = File.ReadAllText(path, Encoding.UTF8);
        string first = text.Split('\n', 2)[0];
        char separator = new[] { ',', ';', '\t' }.MaxBy(s => first.Count(c => c == s));
        List<(int Line, string[] Fields)> rows = Split(text, separator, path);
        if (rows.Count < 2)
            throw new GraftException($"{path}: {(rows.Count == 0 ? "is empty" : "has column names and no rows")}; a table has a line of column names, then rows.");
        string[] columns = Array.ConvertAll(rows[0].Fields, c => c.Trim());
        if (columns.FirstOrDefault(c => c.Length == 0 || columns.Count(o => o == c) > 1) is { } wrong)
            throw new GraftException($"{path}: {(wrong.Length == 0 ? "a column has no name" : $"two columns are named '{wrong}'")}; the first line names each column.");
        rows.RemoveAt(0);
        if (rows.Find(r => r.Fields.Length != columns.Length) is { Fields: { } odd } row)
            throw new GraftException($"{path}: line {row.Line} has {odd.Length} field(s), the first line {columns.Length} column(s) ({string.Join(", ", columns)}). Quote fields that hold a '{(separator == '\t' ? "tab" : separator)}'.");
        return new CsvTable(columns, rows);
    }

    /// <summary>The number of a column.</summary>
    /// <exception cref="GraftException">There is none of that name.</exception>
    public int IndexOf(string column, string path)
    {
        int index = Columns.ToList().IndexOf(column);
        return index >= 0 ? index : throw new GraftException($"{path}: has no column '{column}'; there are {string.Join(", ", Columns)}.");
    }

    private static List<(int Line, string[] Fields)> Split(string text, char separator, string path)
    {
        var rows = new List<(int, string[])>();
        var fields = new List<string>();
        var field = new StringBuilder();
        int line = 1, began = 1;
        bool quoted = false;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : '\n';
            line += c == '\n' && i < text.Length ? 1 : 0;
            if (quoted)
            {
                if (i == text.Length)
                    throw new GraftException($"{path}: a quote in the row that begins at line {began} has no end.");
                if (c != '"')
                    field.Append(c);
                else if (i + 1 < text.Length && text[i + 1] == '"')
                    field.Append(text[++i]);
                else
                    quoted = false;
            }
            else if (c == '"' && field.Length == 0)
            {
                quoted = true;
            }
            else if (c == separator || c == '\n')
            {
                fields.Add(field.ToString().TrimEnd('\r'));
                field.Clear();
                if (c == separator)
                    continue;
                if (fields.Count > 1 || fields[0].Length > 0) // an empty line is no row
                    rows.Add((began, fields.ToArray()));
                fields.Clear();
                began = line;
            }
            else
            {
                field.Append(c);
            }
        }
        return rows;
    }
}

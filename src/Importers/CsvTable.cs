using CsvHelper;

namespace Graft.Importers;

/// <summary>
/// A table in a text file: a line of column names, then rows. Fields have commas, semicolons or tabs between, whichever the first line has most of; they may be quoted, with quotes twice inside (RFC 4180).
/// </summary>
/// <param name="Columns">Names of the columns, different from each other.</param>
/// <param name="Rows">The line that a row begins in, from 1, and its fields, as many as columns.</param>
internal sealed record CsvTable(IReadOnlyList<string> Columns, IReadOnlyList<(int Line, string[] Fields)> Rows)
{
    /// <exception cref="GraftException">The file is missing, has no rows, columns of one name or none, a row of another length, a quote without end or text behind one.</exception>
    public static CsvTable Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a table is due here: a line of column names, then rows, with commas, semicolons or tabs between.");
        string text = File.ReadAllText(path);
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
            throw new GraftException($"{path}: line {row.Line} has {odd.Length} field(s), the first line {columns.Length} column(s) ({Quoted(columns)}). Quote fields that hold a '{(separator == '\t' ? "tab" : separator)}'.");
        return new CsvTable(columns, rows);
    }

    /// <summary>The number of a column.</summary>
    /// <exception cref="GraftException">There is none of that name.</exception>
    public int IndexOf(string column, string path)
    {
        int index = Columns.ToList().IndexOf(column);
        return index >= 0 ? index : throw new GraftException($"{path}: has no column '{column}'; there are {Quoted(Columns)}.");
    }

    /// <summary>Names in quotes, so that a comma in one is none between two.</summary>
    public static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"'{n}'"));

    private static List<(int Line, string[] Fields)> Split(string text, char separator, string path)
    {
        string? fault = null;
        using var reader = CsvReader.FromText(text, new CsvReaderOptions
        {
            Separator = separator, HasHeader = false, TrackLineNumbers = true,
            OnMalformedRecord = record => fault ??= Fault(record),
        });
        var rows = new List<(int, string[])>();
        while (reader.Read() && fault is null)
            rows.Add(((int)reader.LineNumber, [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetString)]));
        return fault is null ? rows : throw new GraftException($"{path}: {fault}");
    }

    // A quote amid a field that is not quoted, such as 5", stands for itself.
    private static string? Fault(CsvMalformedRecord record) => record.Reason switch
    {
        CsvMalformedReason.UnterminatedQuote => $"a quote in the row that begins at line {record.LineNumber} has no end.",
        CsvMalformedReason.TextAfterClosingQuote => $"in the row that begins at line {record.LineNumber}, text follows the quote that ends a field; a quote inside a quoted field is written twice.",
        _ => null,
    };
}

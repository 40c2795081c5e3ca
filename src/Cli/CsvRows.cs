using System.Globalization;
using CsvHelper;

namespace Graft.Cli;

/// <summary>Rows of a table: fields with commas between, quoted where they need it (RFC 4180).</summary>
internal static class CsvRows
{
    private static readonly CsvWriterOptions s_options = new() { NewLine = "\n" };

    /// <summary>Writes the rows, each with as many fields as the first.</summary>
    public static void Write(Stream stream, IEnumerable<IEnumerable<string>> rows)
    {
        using var csv = CsvWriter.Create(stream, s_options, leaveOpen: true);
        foreach (IEnumerable<string> row in rows)
        {
            foreach (string field in row)
                csv.WriteField(field);
            csv.EndRecord();
        }
    }

    /// <summary>The rows as text.</summary>
    public static string Text(IEnumerable<IEnumerable<string>> rows)
    {
        using var bytes = new MemoryStream();
        Write(bytes, rows);
        return System.Text.Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    /// <summary>A number that reads back as the same.</summary>
    public static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);
}

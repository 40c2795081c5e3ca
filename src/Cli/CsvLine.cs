using System.Globalization;

namespace Graft.Cli;

/// <summary>A row of a table: fields with commas between, quoted where they need it (RFC 4180).</summary>
internal static class CsvLine
{
    public static string Of(IEnumerable<string> fields) => string.Join(',', fields.Select(f => f.AsSpan().IndexOfAny(",\"\r\n") < 0 ? f : $"\"{f.Replace("\"", "\"\"", StringComparison.Ordinal)}\""));

    public static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);
}

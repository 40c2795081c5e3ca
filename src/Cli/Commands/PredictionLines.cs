using System.Text.Json.Nodes;

namespace Graft.Cli.Commands;

/// <summary>Writes what a model saw in images: as lines, JSON or CSV. Images that cannot be read have an error in place of a row.</summary>
internal static class PredictionLines
{
    public static void Plain(Terminal terminal, IReadOnlyList<string> files, OutputRows form, IReadOnlyList<float[]> rows, IDictionary<int, string> errors)
    {
        for (int i = 0; i < files.Count; i++)
            terminal.Line(errors.TryGetValue(i, out string? error) ? $"skipped {error}" : $"{files[i]}: {form.Plain(rows[i])}");
    }

    public static void Json(Terminal terminal, IReadOnlyList<string> files, OutputRows form, IReadOnlyList<float[]> rows, IDictionary<int, string> errors) =>
        terminal.Line(new JsonArray([.. files.Select((f, i) => (JsonNode)(errors.TryGetValue(i, out string? error) ? new JsonObject { ["image"] = f, ["error"] = error }
            : new JsonObject([new("image", f), .. form.Json(rows[i])])))]).ToJsonString());

    public static void Csv(Terminal terminal, IReadOnlyList<string> files, OutputRows form, IReadOnlyList<float[]> rows, IDictionary<int, string> errors)
    {
        string[] ErrorOf(string text) => errors.Count > 0 ? [text] : [];
        IEnumerable<string> Row(int i) => errors.TryGetValue(i, out string? error) ? [files[i], .. form.Columns.Select(_ => ""), error]
            : [files[i], .. form.Cells(rows[i]), .. ErrorOf("")];
        terminal.Text(CsvRows.Text([["image", .. form.Columns, .. ErrorOf("error")], .. files.Select((_, i) => Row(i))]));
    }
}

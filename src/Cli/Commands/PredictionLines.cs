using System.Globalization;
using System.Text.Json.Nodes;

namespace Graft.Cli.Commands;

/// <summary>Writes what a classifier saw in images: as lines, JSON or CSV. Images that cannot be read have an error in place of a row.</summary>
internal static class PredictionLines
{
    public static void Plain(Terminal terminal, IReadOnlyList<string> files, IReadOnlyList<string> names, IReadOnlyList<float[]> rows, IDictionary<int, string> errors)
    {
        for (int i = 0; i < files.Count; i++)
        {
            IEnumerable<string> shares = rows[i].Select((p, k) => string.Create(CultureInfo.InvariantCulture, $"{names[k]} {p:F4}"));
            terminal.Line(errors.TryGetValue(i, out string? error) ? $"skipped {error}" : $"{files[i]}: {names[Best(rows[i])]}  ({string.Join(", ", shares)})");
        }
    }

    public static void Json(Terminal terminal, IReadOnlyList<string> files, IReadOnlyList<string> names, IReadOnlyList<float[]> rows, IDictionary<int, string> errors) =>
        terminal.Line(new JsonArray([.. files.Select((f, i) => (JsonNode)(errors.TryGetValue(i, out string? error) ? new JsonObject { ["image"] = f, ["error"] = error } : new JsonObject
        {
            ["image"] = f, ["class"] = names[Best(rows[i])],
            ["probabilities"] = new JsonObject(names.Select((c, k) => KeyValuePair.Create(c, (JsonNode?)rows[i][k]))),
        }))]).ToJsonString());

    public static void Csv(Terminal terminal, IReadOnlyList<string> files, IReadOnlyList<string> names, IReadOnlyList<float[]> rows, IDictionary<int, string> errors)
    {
        string[] ErrorOf(string text) => errors.Count > 0 ? [text] : [];
        IEnumerable<string> Row(int i) => errors.TryGetValue(i, out string? error) ? [files[i], "", .. names.Select(_ => ""), error]
            : [files[i], names[Best(rows[i])], .. rows[i].Select(CsvRows.Number), .. ErrorOf("")];
        terminal.Text(CsvRows.Text([["image", "class", .. names, .. ErrorOf("error")], .. files.Select((_, i) => Row(i))]));
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}

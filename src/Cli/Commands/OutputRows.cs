using System.Globalization;
using System.Text.Json.Nodes;

namespace Graft.Cli.Commands;

/// <summary>What a model says of an image, in words: its class, its labels, or its numbers by name.</summary>
/// <param name="Kind">What the numbers of a row stand for.</param>
/// <param name="Names">Names of the classes, labels or numbers.</param>
/// <param name="Threshold">Of labels: the probability above which one is said.</param>
internal sealed record OutputRows(OutputKind Kind, IReadOnlyList<string> Names, float Threshold)
{
    /// <summary>"rose  (daisy 0.0100, rose 0.9900)", "red, round  (red 0.9000, ...)" or "age 31.25, height 1.8".</summary>
    public string Plain(float[] row)
    {
        string numbers = string.Join(", ", row.Select((p, k) => Kind == OutputKind.Values ? string.Create(CultureInfo.InvariantCulture, $"{Names[k]} {p:G6}") : string.Create(CultureInfo.InvariantCulture, $"{Names[k]} {p:F4}")));
        return Kind switch
        {
            OutputKind.Values => numbers,
            OutputKind.Labels => $"{(Said(row) is { Length: > 0 } said ? string.Join(", ", said) : "no label")}  ({numbers})",
            _ => $"{Best(row)}  ({numbers})",
        };
    }

    /// <summary>Members of an object of JSON.</summary>
    public IEnumerable<KeyValuePair<string, JsonNode?>> Json(float[] row)
    {
        if (Kind != OutputKind.Values)
            yield return Kind == OutputKind.Labels ? new("labels", new JsonArray([.. Said(row).Select(l => (JsonNode)l)])) : new("class", Best(row));
        yield return new(Kind == OutputKind.Values ? "values" : "probabilities", new JsonObject(Names.Select((name, k) => KeyValuePair.Create(name, (JsonNode?)row[k]))));
    }

    /// <summary>Columns of a table.</summary>
    public string[] Columns => Kind switch
    {
        OutputKind.Values => [.. Names],
        OutputKind.Labels => ["labels", .. Names],
        _ => ["class", .. Names],
    };

    /// <summary>The fields of those columns; labels that are said have semicolons between.</summary>
    public string[] Cells(float[] row) => Kind switch
    {
        OutputKind.Values => Array.ConvertAll(row, CsvRows.Number),
        OutputKind.Labels => [string.Join(';', Said(row)), .. row.Select(CsvRows.Number)],
        _ => [Best(row), .. row.Select(CsvRows.Number)],
    };

    private string[] Said(float[] row) => [.. Names.Where((_, k) => row[k] > Threshold)];

    private string Best(float[] row) => Names[Array.IndexOf(row, row.Max())];
}

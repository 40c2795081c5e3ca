using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Inspection;

namespace Graft.Cli.Commands;

/// <summary>graft inspect: what a model or weight file holds.</summary>
internal static class InspectCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("file") { Description = "Keras .h5 or .keras or a model's JSON, .safetensors, PyTorch's .bin or .pth, .onnx, .graft, an index.json of shards, or a folder of Hugging Face or of finetune." };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var command = new Command("inspect", "Show what a model or weight file holds: layers, arrays, shapes, types, attributes, sizes.") { file, json };
        command.SetAction(parsed =>
        {
            FileContents contents = FileInspector.Open(ModelPath.Of(parsed.GetRequiredValue(file)));
            if (parsed.GetValue(json))
                terminal.Line(Json(contents).ToJsonString());
            else
                Write(terminal, contents);
            return Application.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, FileContents contents)
    {
        terminal.Line($"{contents.Path}: {contents.Format}, {Count(contents.Bytes)} bytes");
        Table(terminal, [.. contents.Facts.Select(f => new[] { f.Name, f.Value })]);
        if (contents.Summary is { } summary)
            terminal.Text(summary);
        else
            Section(terminal, "Layers", [.. contents.Layers.Select(l => new[] { l.Name, l.Type, l.Detail })]);
        Section(terminal, "Arrays", [.. contents.Arrays.Select(a => new[] { a.Name, a.Type, $"{a.Shape}", $"{Count(a.Bytes)} bytes" })]);
        Section(terminal, "Attributes", [.. contents.Attributes.Select(a => new[] { a.Owner, a.Name, a.Value })]);
        terminal.Line($"Total: {contents.Layers.Count} layers, {contents.Arrays.Count} arrays, {Count(contents.Numbers)} numbers, {Count(contents.ArrayBytes)} bytes");
    }

    private static void Section(Terminal terminal, string title, string[][] rows)
    {
        if (rows.Length == 0)
            return;
        terminal.Line(title);
        Table(terminal, rows);
    }

    private static void Table(Terminal terminal, string[][] rows)
    {
        const int Widest = 60; // a longer cell moves its own line only
        rows = [.. rows.Select(row => Array.ConvertAll(row, Plain))];
        int[] widths = rows.Length == 0 ? [] : [.. rows[0].Select((_, i) => Math.Min(Widest, rows.Max(r => r[i].Length)))];
        foreach (string[] row in rows)
            terminal.Line($"  {string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i])))}".TrimEnd());
    }

    // A file's names and notes may hold anything; none of it may move the cursor or change colours.
    private static string Plain(string cell) => string.Concat(cell.Select(c => char.IsControl(c) ? '\uFFFD' : c));

    private static JsonObject Json(FileContents contents) => new()
    {
        ["path"] = contents.Path,
        ["format"] = contents.Format,
        ["bytes"] = contents.Bytes,
        ["facts"] = Objects(contents.Facts, f => new JsonObject { ["name"] = f.Name, ["value"] = f.Value }),
        ["summary"] = contents.Summary,
        ["layers"] = Objects(contents.Layers, l => new JsonObject { ["name"] = l.Name, ["type"] = l.Type, ["detail"] = l.Detail }),
        ["arrays"] = Objects(contents.Arrays, a => new JsonObject
        {
            ["name"] = a.Name, ["type"] = a.Type, ["shape"] = new JsonArray([.. a.Shape.Dims.ToArray().Select(d => (JsonNode)d)]), ["bytes"] = a.Bytes,
        }),
        ["attributes"] = Objects(contents.Attributes, a => new JsonObject { ["owner"] = a.Owner, ["name"] = a.Name, ["value"] = a.Value }),
        ["totals"] = new JsonObject { ["layers"] = contents.Layers.Count, ["arrays"] = contents.Arrays.Count, ["numbers"] = contents.Numbers, ["bytes"] = contents.ArrayBytes },
    };

    private static JsonArray Objects<T>(IEnumerable<T> items, Func<T, JsonObject> toObject) => [.. items.Select(i => (JsonNode)toObject(i))];

    private static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);
}

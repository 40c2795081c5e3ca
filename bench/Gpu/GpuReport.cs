using System.Globalization;
using System.Text;

namespace Graft.Bench.Gpu;

/// <summary>The tables of a folder of rows, as GpuCheck.md and GpuCheck.csv; the last one has the ratios to PyTorch.</summary>
internal sealed class GpuReport
{
    private const string Graft = "graft", Torch = "torch", Missing = "-";
    private static readonly string[] s_torchVariants = ["eager", "channels_last", "compile", "graph"];

    private readonly IReadOnlyList<GpuRow> _rows;
    private readonly double _bandwidth;

    private GpuReport(IReadOnlyList<GpuRow> rows)
    {
        _rows = rows;
        _bandwidth = rows.Where(r => r is { Part: "peaks", Name: GpuRow.Copy, HasFigure: true }).Select(r => r.Bytes / r.Seconds).DefaultIfEmpty(double.NaN).Max();
    }

    /// <summary>Writes both files and returns the text.</summary>
    public static string Write(string folder, IReadOnlyList<GpuRow> rows)
    {
        // A part that was run again says what holds.
        IEnumerable<GpuRow> latest = rows.GroupBy(r => (r.Part, r.Name, r.Engine, r.Variant, r.Precision)).Select(g => g.LastOrDefault(r => r.HasFigure) ?? g.Last());
        // What has to be computed and moved stands in Graft's rows.
        Dictionary<(string, string), GpuRow> work = rows.Where(r => r.Engine == Graft && r.Flops + r.Bytes > 0).GroupBy(r => (r.Part, r.Name)).ToDictionary(g => g.Key, g => g.First());
        latest = [.. latest.Select(r => r.Flops + r.Bytes == 0 && work.TryGetValue((r.Part, r.Name), out GpuRow? ours) ? r with { Flops = ours.Flops, Bytes = ours.Bytes } : r)];
        string text = new GpuReport([.. latest]).Text();
        File.WriteAllText(Path.Combine(folder, "GpuCheck.md"), text);
        File.WriteAllText(Path.Combine(folder, "GpuCheck.csv"), Csv(latest));
        return text;
    }

    private string Text()
    {
        var text = new StringBuilder("# GPU check\n\n");
        foreach (GpuRow machine in _rows.Where(r => r is { Part: GpuRow.Check, Name: "machine" }))
            text.Append(CultureInfo.InvariantCulture, $"{machine.Engine}: {machine.Note}  \n");
        text.Append("\nMedians, by the GPU's clock. x PyTorch: times the speed of its fastest way. % of peak: the time that the arithmetic or the bytes need at the rates of the first table, over the time taken.\n");
        Table(text, "Peaks", ["what", "by", "precision", "time", "TFLOP/s", "GB/s"], _rows.Where(r => r is { Part: "peaks", HasFigure: true }).Select(r => new[]
        {
            r.Name, By(r), r.Precision, Time(r.Seconds), Rate(r.Flops / r.Seconds / 1e12), Rate(r.Bytes / r.Seconds / 1e9),
        }));
        Table(text, "Kernels", ["kernel", "by", "time", "TFLOP/s", "GB/s", "% of peak", "x PyTorch"], _rows.Where(r => r is { Part: "ladder", HasFigure: true }).GroupBy(r => r.Name).SelectMany(g => g).Select(r => new[]
        {
            r.Name, By(r), Time(r.Seconds), Rate(r.Flops / r.Seconds / 1e12), Rate(r.Bytes / r.Seconds / 1e9), Rate(100 * Share(r)),
            r.Engine == Torch ? Missing : Rate(Best(r.Part, r.Name, r.Precision) / r.Seconds),
        }));
        Table(text, "Not available", ["why", "what"], _rows.Where(r => r.Part != GpuRow.Check && !r.HasFigure).GroupBy(r => r.Note).Select(g => new[]
        {
            g.Key, string.Join(", ", g.Select(r => $"{(r.Engine == Torch ? "PyTorch " : "")}{r.Name} {r.Variant} {r.Precision}".Replace("  ", " ", StringComparison.Ordinal).TrimEnd()).Distinct()),
        }));
        IEnumerable<GpuRow> networks = _rows.Where(r => r.Part is "vision" or "steps" or "text");
        Table(text, "Networks: Graft, and PyTorch's ways", ["work", "precision", "unit", "Graft", "% of peak", .. s_torchVariants, "x PyTorch"],
            networks.GroupBy(r => (r.Part, r.Name, r.Precision)).Where(g => g.Any(r => r.HasFigure)).Select(g =>
            {
                GpuRow? ours = g.FirstOrDefault(r => r.Engine == Graft && r.HasFigure);
                return (string[])
                [
                    g.Key.Name, g.Key.Precision, g.First().Unit, ours is null ? Missing : Rate(ours.Figure), ours is null ? Missing : Rate(100 * Share(ours)),
                    .. s_torchVariants.Select(v => g.FirstOrDefault(r => r.Engine == Torch && r.Variant == v && r.HasFigure) is { } row ? Rate(row.Figure) : Missing),
                    ours is null ? Missing : Rate(Best(g.Key.Part, g.Key.Name, g.Key.Precision) / ours.Seconds),
                ];
            }));
        return text.ToString();
    }

    private static string By(GpuRow row) => row.Engine == Torch ? $"PyTorch {row.Variant}".TrimEnd() : row.Variant;

    /// <summary>Seconds of PyTorch's fastest way; NaN where there is none.</summary>
    private double Best(string part, string name, string precision) =>
        _rows.Where(r => r.Engine == Torch && r.Part == part && r.Name == name && r.Precision == precision && r.HasFigure).Select(r => r.Seconds).DefaultIfEmpty(double.NaN).Min();

    /// <summary>The time that arithmetic or memory needs at least, whichever is longer, over the time taken.</summary>
    private double Share(GpuRow row)
    {
        double peak = _rows.Where(r => r is { Part: "peaks", Name: GpuRow.Product, HasFigure: true } && r.Precision == row.Precision).Select(r => r.Flops / r.Seconds).DefaultIfEmpty(double.NaN).Max();
        return Math.Max(row.Flops > 0 ? row.Flops / peak : 0, row.Bytes / _bandwidth) / row.Seconds;
    }

    private static void Table(StringBuilder text, string title, string[] head, IEnumerable<string[]> lines)
    {
        string[][] all = [head, .. lines];
        if (all.Length == 1)
            return;
        int[] widths = [.. head.Select((_, column) => column == head.Length - 1 ? head[column].Length : all.Max(line => line[column].Length))];
        string Line(string[] cells) => $"| {string.Join(" | ", cells.Select((cell, i) => cell.PadRight(widths[i])))} |\n";
        text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n{Line(head)}|{string.Concat(widths.Select(w => $" {new string('-', Math.Max(3, w))} |"))}\n");
        foreach (string[] line in all.Skip(1))
            text.Append(Line(line));
    }

    private static string Csv(IEnumerable<GpuRow> rows)
    {
        var text = new StringBuilder("part,name,engine,variant,precision,unit,figure,seconds,fastest,slowest,flops,bytes,deviation,note\n");
        foreach (GpuRow r in rows.Where(r => r.Part != GpuRow.Check))
        {
            object[] cells = [r.Part, r.Name, r.Engine, r.Variant, r.Precision, r.Unit, r.Figure, r.Seconds, r.Fastest, r.Slowest, r.Flops, r.Bytes, r.Deviation, r.Note];
            text.AppendJoin(',', cells.Select(Cell)).Append('\n');
        }
        return text.ToString();
    }

    private static string Cell(object value) => value switch
    {
        double d => double.IsFinite(d) ? d.ToString("g6", CultureInfo.InvariantCulture) : "",
        string s when s.AsSpan().ContainsAny(',', '"', '\n') => $"\"{s.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        _ => $"{value}",
    };

    private static string Time(double seconds) => seconds < 1e-3 ? $"{Rate(seconds * 1e6)} µs" : $"{Rate(seconds * 1e3)} ms";

    private static string Rate(double value) => double.IsFinite(value) && value > 0 ? value.ToString(value >= 999.5 ? "f0" : "g3", CultureInfo.InvariantCulture) : Missing;
}

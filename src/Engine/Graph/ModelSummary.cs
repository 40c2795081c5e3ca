using System.Globalization;
using System.Text;
using Graft.Layers;

namespace Graft;

public partial class Model
{
    /// <summary>The table that Keras prints: layers, output shapes, parameter counts, and for branching graphs the links.</summary>
    public string Summary() => ModelSummary.Of(this);
}

/// <summary>Lays out <see cref="Model.Summary"/> as Keras 3 does.</summary>
internal static class ModelSummary
{
    public static string Of(Model model)
    {
        bool branches = model.Nodes.Where((n, i) => n.Inputs.Count > 1 || (n.Inputs.Count == 1 && n.Inputs[0] != model.Nodes[Math.Max(0, i - 1)])).Any();
        Node[] nodes = [.. model.Nodes.Where(n => branches || model is not Sequential || n.Layer is not InputLayer)];
        string[] titles = branches ? ["Layer (type)", "Output Shape", "Param #", "Connected to"] : ["Layer (type)", "Output Shape", "Param #"];
        var rows = new List<string[]>();
        var counted = new HashSet<Layer>();
        foreach (Node node in nodes)
        {
            long count = counted.Add(node.Layer) ? node.Layer.Parameters.Sum(p => p.Shape.Count) : 0;
            string[] cells = [$"{node.Layer.Name} ({(node.Layer is Sequential ? "Sequential" : node.Layer is Model ? "Functional" : node.Layer.ClassName)})",
                $"(None, {string.Join(", ", node.Shape.Dims.ToArray())})", Thousands(count)];
            rows.Add(branches ? [.. cells, node.Inputs.Count == 0 ? "-" : string.Join(", ", node.Inputs.Select(i => i.Layer.Name))] : cells);
        }
        long all = model.Parameters.Sum(p => p.Shape.Count), trainable = model.Parameters.Where(p => p.IsTrainable).Sum(p => p.Shape.Count);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Model: \"{model.Name}\"\n").Append(Table(titles, rows));
        text.Append(CultureInfo.InvariantCulture, $" Total params: {Thousands(all)} ({Size(all)})\n");
        text.Append(CultureInfo.InvariantCulture, $" Trainable params: {Thousands(trainable)} ({Size(trainable)})\n");
        text.Append(CultureInfo.InvariantCulture, $" Non-trainable params: {Thousands(all - trainable)} ({Size(all - trainable)})\n");
        return text.ToString();
    }

    private static string Table(string[] titles, List<string[]> rows)
    {
        int[] widths = [.. titles.Select((t, i) => rows.Select(r => r[i].Length).Append(t.Length).Append(i < 2 ? 22 : 10).Max() + 2)];
        string Line(char left, char fill, char middle, char right) => left + string.Join(middle, widths.Select(w => new string(fill, w))) + right + "\n";
        string Row(char edge, string[] cells) => edge + string.Join(edge, cells.Select((c, i) =>
            i == 2 ? c.PadLeft(widths[i] - 1) + " " : " " + c.PadRight(widths[i] - 1))) + edge + "\n";
        return Line('┏', '━', '┳', '┓') + Row('┃', titles) + Line('┡', '━', '╇', '┩')
            + string.Join(Line('├', '─', '┼', '┤'), rows.Select(r => Row('│', r))) + Line('└', '─', '┴', '┘');
    }

    private static string Thousands(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    // Four bytes a parameter, as Keras counts float32.
    private static string Size(long count)
    {
        double bytes = count * 4.0;
        string[] units = ["B", "KB", "MB", "GB"];
        int unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++)
            bytes /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:F2} {units[unit]}");
    }
}

using System.Globalization;
using System.Text;
using Graft.Kernels;
using Graft.Layers;

namespace Graft;

public partial class Model
{
    /// <summary>
    /// The table that Keras 3 prints: layers, output shapes, parameter counts, and for branching graphs the links; below it the device, and where that
    /// is the default one, why.
    /// </summary>
    /// <param name="columns">Columns of the terminal; Keras takes 80 where there is none.</param>
    public string Summary(int columns = 80) => new ModelSummary(this, columns).ToString();
}

/// <summary>Lays out <see cref="Model.Summary"/> as Keras 3 does by way of rich.</summary>
/// <remarks>
/// Source: keras/src/utils/summary_utils.py (order, columns, totals) and rich's table (widths, wrapping). A layer has one row however often it is
/// used; rows go by the distance from the outputs, the farthest first.
/// </remarks>
internal sealed class ModelSummary
{
    private const int Margin = 4, LongestPlain = 88, LongestLinked = 108; // Keras's line lengths
    private const int Shortest = 40;

    private readonly Model _model;
    private readonly string[] _titles;
    private readonly int[] _widths; // of the cells, with a blank on both sides

    public ModelSummary(Model model, int columns)
    {
        _model = model;
        bool links = model is not Sequential && Branches(model);
        _titles = links ? ["Layer (type)", "Output Shape", "Param #", "Connected to"] : ["Layer (type)", "Output Shape", "Param #"];
        int line = Math.Clamp(columns - Margin, Shortest, links ? LongestLinked : LongestPlain);
        _widths = Widths(line, links ? [0.3, 0.56, 0.74, 1] : [0.45, 0.8, 1]);
    }

    public override string ToString()
    {
        string routines = _model.Device.Kernels.Routines;
        long all = Count(_model.Parameters), trainable = Count(_model.Parameters.Where(p => p.IsTrainable));
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Model: \"{_model.Name}\"\n");
        text.Append(Line('┏', '━', '┳', '┓')).Append(Row('┃', _titles)).Append(Line('┡', '━', '╇', '┩'));
        text.AppendJoin(Line('├', '─', '┼', '┤'), Rows().Select(r => Row('│', r))).Append(Line('└', '─', '┴', '┘'));
        text.Append(CultureInfo.InvariantCulture, $" Total params: {all:N0} ({Size(all)})\n");
        text.Append(CultureInfo.InvariantCulture, $" Trainable params: {trainable:N0} ({Size(trainable)})\n");
        text.Append(CultureInfo.InvariantCulture, $" Non-trainable params: {all - trainable:N0} ({Size(all - trainable)})\n");
        text.Append(CultureInfo.InvariantCulture, $" Device: {_model.Device}{(_model.Device == Device.Default ? $" ({Device.DefaultReason})" : "")}{(routines.Length > 0 ? $"; {routines}" : "")}\n");
        if (_model.PlanOptions.Precision != ComputePrecision.Float32 || (_model.FitPrecision ?? ComputePrecision.Float32) != ComputePrecision.Float32)
            text.Append(CultureInfo.InvariantCulture, $" Precision: frozen layers and predictions {_model.PlanOptions.Precision.Word()}{Training()}; sums and weights that learn float32\n");
        return text.ToString();
    }

    private string Training() => _model.FitPrecision switch
    {
        null => "",
        ComputePrecision.Float16 when _model.Optimizer?.LossScale is { } scale => string.Create(CultureInfo.InvariantCulture, $", training fp16 (loss scale {scale.Value:0}, {scale.Skipped} steps left out)"),
        { } precision => $", training {precision.Word()}",
    };

    private static long Count(IEnumerable<Parameter> parameters) => parameters.Distinct().Sum(p => p.Shape.Count);

    // A model that only looks like a functional one: every layer used once, one after the other.
    private static bool Branches(Model model) =>
        model.Nodes.Where((n, i) => n.Inputs.Count > 1 || (i > 0 && (n.Inputs.Count == 0 || n.Inputs[0] != model.Nodes[i - 1]))).Any() || model.Layers.Count < model.Nodes.Count;

    private IEnumerable<string[]> Rows()
    {
        var index = new Dictionary<Node, int>(); // of a node among those of its layer
        foreach (IGrouping<Layer, Node> uses in _model.Nodes.GroupBy(n => n.Layer))
        {
            int use = 0;
            foreach (Node node in uses)
                index.Add(node, use++);
        }
        foreach (Layer layer in InKerasOrder())
        {
            if (_model is Sequential && layer is InputLayer)
                continue;
            Node[] uses = [.. _model.Nodes.Where(n => n.Layer == layer)];
            string kind = layer is Sequential ? "Sequential" : layer is Model ? "Functional" : layer.ClassName;
            string links = string.Join(", ", uses.SelectMany(n => n.Inputs).Select(i => $"{i.Layer.Name}[{index[i.First]}][{i.Index}]"));
            string[] cells = [$"{layer.Name} ({kind})", Shapes(uses[^1]),
                Count(layer.Parameters).ToString("N0", CultureInfo.InvariantCulture), links.Length == 0 ? "-" : links];
            yield return cells[.._titles.Length];
        }
    }

    private static string Shapes(Node node)
    {
        IEnumerable<string> shapes = node.Outputs.Select(o => $"(None{string.Concat(o.Shape.Dims.ToArray().Select(d => $", {d}"))})");
        return node.Outputs.Count == 1 ? shapes.First() : $"[{string.Join(", ", shapes)}]"; // a list, as Keras prints it
    }

    /// <summary>By depth, the longest way to an output; layers of one depth as a walk from the outputs meets them.</summary>
    private IEnumerable<Layer> InKerasOrder()
    {
        var met = new Dictionary<Layer, int>();
        foreach (Node output in _model.Outputs)
            Meet(output, met);
        var ofNode = new Dictionary<Node, int>();
        var ofLayer = new Dictionary<Layer, int>();
        foreach (Node node in _model.Nodes.Reverse()) // each before those it reads
        {
            int depth = Math.Max(ofNode.GetValueOrDefault(node), ofLayer.GetValueOrDefault(node.Layer));
            ofLayer[node.Layer] = depth;
            foreach (Node input in node.Inputs)
                ofNode[input.First] = Math.Max(depth + 1, ofNode.GetValueOrDefault(input.First));
        }
        return ofLayer.Keys.OrderByDescending(l => ofLayer[l]).ThenBy(l => met.GetValueOrDefault(l, int.MaxValue));
    }

    private static void Meet(Node node, Dictionary<Layer, int> met)
    {
        if (!met.TryAdd(node.Layer, met.Count))
            return;
        foreach (Node input in node.Inputs)
            Meet(input, met);
    }

    /// <summary>Shares of the line, and two blanks each, then shrunk evenly until the borders fit too: what rich does with fixed columns.</summary>
    private static int[] Widths(int line, double[] ends)
    {
        int[] widths = [.. ends.Select((end, i) => (int)(end * line) - (i == 0 ? 0 : (int)(ends[i - 1] * line)) + 2)];
        int excess = widths.Sum() - (line - widths.Length - 1);
        for (int i = 0; i < widths.Length; i++)
        {
            int share = (int)Math.Round((double)excess / (widths.Length - i), MidpointRounding.ToEven);
            widths[i] -= share;
            excess -= share;
        }
        return widths;
    }

    private string Line(char left, char fill, char middle, char right) => left + string.Join(middle, _widths.Select(w => new string(fill, w))) + right + "\n";

    private string Row(char edge, string[] cells)
    {
        string[][] wrapped = [.. cells.Select((c, i) => Wrap(c, _widths[i] - 2))];
        var text = new StringBuilder();
        for (int line = 0; line < wrapped.Max(w => w.Length); line++)
        {
            int row = line;
            IEnumerable<string> parts = wrapped.Select((w, i) => row >= w.Length ? new string(' ', _widths[i])
                : i == 2 ? w[row].PadLeft(_widths[i] - 1) + " " : " " + w[row].PadRight(_widths[i] - 1));
            text.Append(edge).AppendJoin(edge, parts).Append(edge).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Word by word; a word that is longer than the line is cut and ends in an ellipsis.</summary>
    private static string[] Wrap(string text, int width)
    {
        var lines = new List<string>();
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line);
                line = "";
            }
            line = line.Length == 0 ? word : $"{line} {word}";
        }
        lines.Add(line);
        return [.. lines.Select(l => l.Length <= width ? l : l[..(width - 1)] + "…")];
    }

    // Four bytes a parameter, as Keras counts float32.
    private static string Size(long count)
    {
        double bytes = count * 4.0;
        string[] units = ["B", "KB", "MB", "GB", "TB"];
        int unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++)
            bytes /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:F2} {units[unit]}");
    }
}

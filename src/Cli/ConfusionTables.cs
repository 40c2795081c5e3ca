using System.Globalization;
using Graft.Training;
using Spectre.Console;

namespace Graft.Cli;

/// <summary>A confusion matrix for the eye: tables on a terminal, its plain text where output is redirected.</summary>
internal static class ConfusionTables
{
    private const int Listed = 20;

    /// <summary>Writes the matrix, and below it precision, recall and F1 of each class; samples are called <paramref name="samples"/>.</summary>
    public static void Write(ConfusionMatrix matrix, Terminal terminal, string samples = "images")
    {
        if (!terminal.IsInteractive)
        {
            terminal.Line(matrix.ToString());
            return;
        }
        Table counts = Counts(matrix);
        terminal.Draw(WidthOf(matrix) <= terminal.Width ? counts : Confused(matrix, samples));
        terminal.Draw(Scores(matrix, samples));
    }

    private static int WidthOf(ConfusionMatrix m)
    {
        const int Edges = 3; // a border and two blanks a column
        int digits = m.Total.ToString(CultureInfo.InvariantCulture).Length;
        return 1 + Edges + Math.Max("actual \\ predicted".Length, m.Names.Max(n => n.Length)) + m.Names.Sum(n => Edges + Math.Max(digits, n.Length));
    }

    private static Table Counts(ConfusionMatrix m)
    {
        Table table = New("actual \\ predicted");
        foreach (string name in m.Names)
            table.AddColumn(new TableColumn(new Text(name)).RightAligned());
        for (int actual = 0; actual < m.Classes; actual++)
        {
            int row = actual;
            table.AddRow([new Text(m.Names[row]), .. Enumerable.Range(0, m.Classes).Select(predicted =>
                new Text(m[row, predicted].ToString(CultureInfo.InvariantCulture),
                    predicted == row ? new Style(Color.Green, decoration: Decoration.Bold) : m[row, predicted] > 0 ? new Style(Color.Red) : new Style(Color.Grey)))]);
        }
        return table;
    }

    /// <summary>For more classes than the terminal is wide: what is confused most.</summary>
    private static Table Confused(ConfusionMatrix m, string samples)
    {
        Table table = New("actual");
        table.AddColumn(new TableColumn(new Text("predicted as")));
        table.AddColumn(new TableColumn(new Text(samples)).RightAligned());
        IEnumerable<(int Actual, int Predicted)> pairs = Enumerable.Range(0, m.Classes).SelectMany(a => Enumerable.Range(0, m.Classes).Where(p => p != a && m[a, p] > 0).Select(p => (a, p)));
        foreach ((int actual, int predicted) in pairs.OrderByDescending(p => m[p.Actual, p.Predicted]).Take(Listed))
            table.AddRow(new Text(m.Names[actual]), new Text(m.Names[predicted]), new Text(m[actual, predicted].ToString(CultureInfo.InvariantCulture)));
        table.Title = new TableTitle(Markup.Escape($"{m.Classes} classes do not fit side by side; the most frequent confusions"));
        return table;
    }

    private static Table Scores(ConfusionMatrix m, string samples)
    {
        Table table = New("class");
        foreach (string title in new[] { "precision", "recall", "f1", samples })
            table.AddColumn(new TableColumn(new Text(title)).RightAligned());
        for (int c = 0; c < m.Classes; c++)
        {
            string[] cells = [Share(m.Precision(c)), Share(m.Recall(c)), Share(m.F1(c)), m.Support(c).ToString(CultureInfo.InvariantCulture)];
            table.AddRow([new Text(m.Names[c]), .. cells.Select(t => new Text(t))]);
        }
        return table;
    }

    private static Table New(string first)
    {
        Table table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        table.AddColumn(new TableColumn(new Text(first)));
        return table;
    }

    private static string Share(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
}

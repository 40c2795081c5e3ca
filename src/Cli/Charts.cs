using System.Globalization;
using Graft.Training;
using ScottPlot;

namespace Graft.Cli;

/// <summary>The pictures that a training leaves behind.</summary>
internal static class Charts
{
    private static readonly Color TrainingColor = Color.FromHex("#4C72B0"), ValidationColor = Color.FromHex("#DD8452");

    private const int LongestLevelName = 12; // letters in the 90 pixels of a cell

    // A machine with nothing but the SDK may have no font at all: the program brings its own.
    static Charts()
    {
        const string Family = "DejaVu Sans";
        string file = Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans.ttf");
        ScottPlot.Fonts.AddFontFile(Family, file);
        ScottPlot.Fonts.AddFontFile(Family, file, bold: true);
        ScottPlot.Fonts.Default = Family;
    }

    /// <summary>Metrics and the loss by epoch, training against validation, side by side.</summary>
    /// <param name="history">The epochs.</param>
    /// <param name="metrics">The metrics.</param>
    /// <param name="path">The picture.</param>
    /// <param name="unfrozenAt">The epoch, from 0, that unfrozen blocks were trained from; null for none.</param>
    public static void Curves(History history, IReadOnlyList<string> metrics, string path, int? unfrozenAt = null)
    {
        const int Width = 600, Height = 450;
        string[] names = [.. metrics, "loss"];
        var multi = new Multiplot();
        multi.AddPlots(names.Length);
        multi.Layout = new ScottPlot.MultiplotLayouts.Columns();
        foreach ((int place, string name) in names.Index())
        {
            Curve(multi.GetPlot(place), history, name);
            if (unfrozenAt is int epoch)
                MarkUnfrozen(multi.GetPlot(place), epoch);
        }
        Write(path, file => multi.SavePng(file, Width * names.Length, Height));
    }

    /// <summary>Loss by epoch, training against validation.</summary>
    public static void Loss(History history, string path)
    {
        var plot = new Plot();
        Curve(plot, history, "loss");
        Write(path, file => plot.SavePng(file, 700, 450));
    }

    /// <summary>Loss against the logarithm of the learning rate: of each step, and smoothed.</summary>
    public static void LearningRates(LearningRateCurve curve, string path)
    {
        var plot = new Plot();
        double[] powers = [.. curve.Points.Select(p => Math.Log10(p.Rate))];
        ScottPlot.Plottables.Scatter steps = plot.Add.Scatter(powers, curve.Points.Select(p => p.Loss).ToArray(), TrainingColor);
        steps.LineWidth = 0;
        steps.MarkerSize = 5;
        steps.LegendText = "each step";
        ScottPlot.Plottables.Scatter smoothed = plot.Add.Scatter(powers, curve.Points.Select(p => p.Smoothed).ToArray(), ValidationColor);
        smoothed.LineWidth = 2.5f;
        smoothed.MarkerSize = 0;
        smoothed.LegendText = "smoothed";
        plot.ShowLegend(Alignment.LowerLeft);
        plot.Add.VerticalLine(Math.Log10(curve.Suggestion), 1.5f, Colors.Gray, LinePattern.Dashed);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = power => string.Create(CultureInfo.InvariantCulture, $"1e{power}") };
        double highest = 2 * curve.Points[0].Smoothed; // where the loss diverges it would flatten all else
        plot.Axes.SetLimitsY(0, Math.Min(highest, curve.Points.Max(p => p.Loss) * 1.05));
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"Loss by learning rate, suggestion {curve.Suggestion:G2}"));
        plot.XLabel("learning rate");
        plot.YLabel("loss");
        Write(path, file => plot.SavePng(file, 700, 450));
    }

    /// <summary>Counts of real (rows) against predicted (columns) classes, shaded by the share of the row.</summary>
    /// <param name="matrix">The counts.</param>
    /// <param name="path">The picture.</param>
    /// <param name="ofPixels">True writes the shares, in percent, in place of the counts, which have too many digits then.</param>
    public static void Confusion(ConfusionMatrix matrix, string path, bool ofPixels = false)
    {
        int n = matrix.Classes;
        var shares = new double[n, n];
        var plot = new Plot();
        for (int actual = 0; actual < n; actual++)
        {
            for (int predicted = 0; predicted < n; predicted++)
                shares[actual, predicted] = matrix.Support(actual) == 0 ? 0 : (double)matrix[actual, predicted] / matrix.Support(actual);
        }
        ScottPlot.Plottables.Heatmap map = plot.Add.Heatmap(shares);
        map.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        map.ManualRange = new ScottPlot.Range(0, 1);
        for (int actual = 0; actual < n; actual++)
        {
            for (int predicted = 0; predicted < n; predicted++)
            {
                string cell = !ofPixels ? matrix[actual, predicted].ToString(CultureInfo.InvariantCulture) : matrix.Support(actual) == 0 ? "" : (100 * shares[actual, predicted]).ToString("F1", CultureInfo.InvariantCulture);
                ScottPlot.Plottables.Text text = plot.Add.Text(cell, predicted, n - 1 - actual);
                text.Alignment = Alignment.MiddleCenter;
                text.LabelFontSize = 18;
                text.LabelFontColor = shares[actual, predicted] > 0.5 ? Colors.White : Colors.Black;
            }
        }
        double[] places = [.. Enumerable.Range(0, n).Select(i => (double)i)];
        plot.Axes.Bottom.SetTicks(places, [.. matrix.Names]);
        plot.Axes.Left.SetTicks(places, [.. matrix.Names.Reverse()]);
        if (matrix.Names.Max(name => name.Length) > LongestLevelName)
        {
            plot.Axes.Bottom.TickLabelStyle.Rotation = -45; // level names of neighbours would run into one another
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleRight;
            plot.Axes.Bottom.MinimumSize = 40 + 5 * matrix.Names.Max(name => name.Length);
        }
        plot.XLabel("predicted");
        plot.YLabel("actual");
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"Confusion {(ofPixels ? "of pixels, in % of each class" : "matrix")}, accuracy {matrix.Accuracy:F3}"));
        plot.HideGrid();
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        Write(path, file => plot.SavePng(file, 300 + 90 * n, 260 + 80 * n));
    }

    /// <summary>What was predicted against what is, a plot for each number; on the line the two are the same.</summary>
    public static void Numbers(IReadOnlyList<string> names, float[][] predictions, float[][] labels, string path)
    {
        const int Across = 3, Width = 450, Height = 430;
        int columns = Math.Min(Across, names.Count), rows = (names.Count + columns - 1) / columns;
        var multi = new Multiplot();
        multi.AddPlots(names.Count);
        multi.Layout = new ScottPlot.MultiplotLayouts.Grid(rows, columns);
        for (int i = 0; i < names.Count; i++)
        {
            Plot plot = multi.GetPlot(i);
            double[] actual = [.. labels.Select(l => (double)l[i])], predicted = [.. predictions.Select(p => (double)p[i])];
            double low = Math.Min(actual.Min(), predicted.Min()), high = Math.Max(actual.Max(), predicted.Max());
            ScottPlot.Plottables.Scatter points = plot.Add.Scatter(actual, predicted, TrainingColor);
            points.LineWidth = 0;
            points.MarkerSize = 6;
            ScottPlot.Plottables.Scatter same = plot.Add.Scatter(new[] { low, high }, new[] { low, high }, ValidationColor);
            same.LineWidth = 2;
            same.MarkerSize = 0;
            plot.Title(names[i]);
            plot.XLabel("actual");
            plot.YLabel("predicted");
        }
        Write(path, file => multi.SavePng(file, Width * columns, Height * rows));
    }

    private static void Curve(Plot plot, History history, string name)
    {
        string words = name.Replace('_', ' ').Replace("iou", "IoU", StringComparison.Ordinal);
        double[] epochs = [.. history.Epochs.Select(e => e + 1.0)];
        ScottPlot.Plottables.Scatter training = plot.Add.Scatter(epochs, history[name].ToArray(), TrainingColor);
        training.LegendText = $"training {words}";
        training.LineWidth = 0;
        training.MarkerSize = 8;
        if (history.Names.Contains($"val_{name}"))
        {
            ScottPlot.Plottables.Scatter validation = plot.Add.Scatter(epochs, history[$"val_{name}"].ToArray(), ValidationColor);
            validation.LegendText = $"validation {words}";
            validation.LineWidth = 2.5f;
            validation.MarkerSize = epochs.Length == 1 ? 8 : 0; // one point makes no line
        }
        plot.Title($"Training and validation {words}");
        plot.XLabel("epoch");
        plot.YLabel(words);
        plot.ShowLegend(name == "loss" || name.EndsWith("error", StringComparison.Ordinal) ? Alignment.UpperRight : Alignment.LowerRight);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
    }

    // Before the first epoch in which blocks of the base moved; epochs count from 1 on the axis.
    private static void MarkUnfrozen(Plot plot, int epoch)
    {
        ScottPlot.Plottables.VerticalLine line = plot.Add.VerticalLine(epoch + 0.5, 1.5f, Colors.Gray, LinePattern.Dashed);
        line.LabelText = "unfrozen";
        line.LabelOppositeAxis = true;
        line.LabelFontSize = 12;
        line.LabelFontColor = Colors.Gray;
        line.LabelBackgroundColor = Colors.Transparent;
        line.LabelBold = false;
        plot.Axes.Top.MinimumSize = 20; // the label has room below the title
    }

    /// <summary>Under a temporary name first: a picture that was there before survives any failure.</summary>
    private static void Write(string path, Action<string> save)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp.png";
        try
        {
            save(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            throw new GraftException($"{path}: the picture cannot be written ({e.Message}). A file that was there before is unchanged.", e);
        }
    }
}

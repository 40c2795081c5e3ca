using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Cli;

/// <summary>What a model says of images whose labels are known, for the eye: a picture or a few lines, as its outputs are.</summary>
internal static class ValidationReport
{
    private const string Confusion = "confusion.png", Predicted = "predicted.png", Examples = "examples.png";

    /// <summary>Removes the pictures of an earlier model from a folder.</summary>
    public static void Remove(string folder)
    {
        foreach (string picture in new[] { Confusion, Predicted, Examples })
            File.Delete(Path.Combine(folder, picture));
    }

    /// <summary>Writes the pictures of classes or numbers into a folder, and the lines of pixels, labels and numbers to the terminal.</summary>
    /// <returns>Names of the pictures; null where there are none.</returns>
    public static string? Write(Terminal terminal, Model model, EvaluationResult result, ImageBatches data, string folder)
    {
        OutputKind? kind = model.OutputKind;
        if (data is ImageMasks masks)
        {
            PixelLines.Write(terminal, result.Confusion!);
            Charts.Confusion(result.Confusion!, Path.Combine(folder, Confusion), ofPixels: true);
            PixelExamples.Write(model, masks, Path.Combine(folder, Examples));
            return $"{Confusion}, {Examples}";
        }
        if (kind == OutputKind.Classes)
        {
            Charts.Confusion(result.Confusion!, Path.Combine(folder, Confusion));
            return Confusion;
        }
        float[][] labels = LabelRows.Of(data);
        if (kind == OutputKind.Labels)
        {
            terminal.Line(LabelRows.Count(data.ClassNames, result.Predictions!, labels, LabelCounts.UsualThreshold).ToString());
            return null;
        }
        Lines(terminal, data.ClassNames, result.Predictions!, labels);
        Charts.Numbers(data.ClassNames, result.Predictions!, labels, Path.Combine(folder, Predicted));
        return Predicted;
    }

    /// <summary>A line for each number: how far predictions are from it.</summary>
    public static void Lines(Terminal terminal, IReadOnlyList<string> names, float[][] predictions, float[][] labels)
    {
        int width = Math.Max(6, names.Max(n => n.Length));
        terminal.Line($"{"number".PadRight(width)}  mean_absolute_error  root_mean_squared_error  r2_score");
        for (int i = 0; i < names.Count; i++)
        {
            double Measure(Metric metric) => LabelRows.Measure(metric, predictions, labels, i);
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{names[i].PadRight(width)}  {Measure(Metric.MeanAbsoluteError),-19:G5}  {Measure(Metric.RootMeanSquaredError),-23:G5}  {Measure(Metric.R2Score):F4}"));
        }
    }
}

using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>The images that a model is farthest from: hard ones, and those whose label is wrong.</summary>
internal static class Mistakes
{
    private const int Listed = 5;

    /// <summary>Names the surest wrong answers.</summary>
    public static void Write(EvaluationResult result, ImageBatches images, Terminal terminal)
    {
        (int Image, float[] Row)[] wrong = [.. Ordered(result, images).Where(i => Best(i.Row) != images.Classes[i.Image]).Take(Listed)];
        if (wrong.Length == 0)
            return;
        IReadOnlyList<string> files = images.Files;
        terminal.Line();
        terminal.Line("Surest mistakes:");
        foreach ((int image, float[] row) in wrong)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {Path.GetRelativePath(Environment.CurrentDirectory, files[image])}: {images.ClassNames[images.Classes[image]]}, taken for {images.ClassNames[Best(row)]} ({row[Best(row)]:F4})"));
        terminal.Line();
    }

    /// <summary>Writes all images with what they are and what they were taken for, the worst first.</summary>
    /// <param name="result">What the model said.</param>
    /// <param name="images">The images.</param>
    /// <param name="labels">Their labels or numbers; of classes none.</param>
    /// <param name="kind">What these are.</param>
    /// <param name="threshold">Of labels: the probability above which one is said.</param>
    /// <param name="path">The table.</param>
    public static void WriteTable(EvaluationResult result, ImageBatches images, float[][] labels, OutputKind kind, float threshold, string path)
    {
        IEnumerable<IEnumerable<string>> rows = kind switch
        {
            OutputKind.Labels => LabelTable(result.Predictions!, images, labels, threshold),
            OutputKind.Values => NumberTable(result.Predictions!, images, labels),
            _ => ClassTable(result, images),
        };
        WholeFile.Write(path, stream => CsvRows.Write(stream, rows));
    }

    private static IEnumerable<IEnumerable<string>> ClassTable(EvaluationResult result, ImageBatches images)
    {
        IReadOnlyList<string> files = images.Files;
        IReadOnlyList<int> classes = images.Classes;
        return [["image", "class", "predicted", .. images.ClassNames],
            .. Ordered(result, images).Select(i => (IEnumerable<string>)[files[i.Image], images.ClassNames[classes[i.Image]], images.ClassNames[Best(i.Row)], .. i.Row.Select(CsvRows.Number)])];
    }

    private static IEnumerable<IEnumerable<string>> LabelTable(float[][] predictions, ImageBatches images, float[][] labels, float threshold)
    {
        IReadOnlyList<string> files = images.Files;
        string Said(float[] row, float above) => string.Join(';', images.ClassNames.Where((_, k) => row[k] > above));
        return [["image", "labels", "predicted", .. images.ClassNames],
            .. Farthest(predictions, labels, _ => 1).Select(i => (IEnumerable<string>)[files[i], Said(labels[i], LabelCounts.UsualThreshold), Said(predictions[i], threshold), .. predictions[i].Select(CsvRows.Number)])];
    }

    private static IEnumerable<IEnumerable<string>> NumberTable(float[][] predictions, ImageBatches images, float[][] labels)
    {
        IReadOnlyList<string> files = images.Files;
        double Span(int number) => Math.Max(labels.Max(l => l[number]) - (double)labels.Min(l => l[number]), float.Epsilon); // so that units do not count
        return [["image", .. images.ClassNames.SelectMany(n => new[] { n, $"{n} predicted" })],
            .. Farthest(predictions, labels, Span).Select(i => (IEnumerable<string>)[files[i], .. labels[i].Zip(predictions[i]).SelectMany(n => new[] { CsvRows.Number(n.First), CsvRows.Number(n.Second) })])];
    }

    /// <summary>The samples by their largest error, each error in units of its own.</summary>
    private static IEnumerable<int> Farthest(float[][] predictions, float[][] labels, Func<int, double> unitOf)
    {
        double[] units = [.. Enumerable.Range(0, labels[0].Length).Select(unitOf)];
        return Enumerable.Range(0, labels.Length).OrderByDescending(i => units.Select((unit, k) => Math.Abs((double)predictions[i][k] - labels[i][k]) / unit).Max());
    }

    private static IEnumerable<(int Image, float[] Row)> Ordered(EvaluationResult result, ImageBatches images)
    {
        IReadOnlyList<int> classes = images.Classes;
        return result.Predictions!.Select((row, i) => (Image: i, Row: row.Length == 1 ? [1 - row[0], row[0]] : row)).OrderBy(i => i.Row[classes[i.Image]]);
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}

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
    public static void Write(EvaluationResult result, ImageFolder images, Terminal terminal)
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
    public static void WriteTable(EvaluationResult result, ImageFolder images, string path)
    {
        IReadOnlyList<string> files = images.Files;
        IReadOnlyList<int> classes = images.Classes;
        IEnumerable<string>[] rows = [["image", "class", "predicted", .. images.ClassNames],
            .. Ordered(result, images).Select(i => (IEnumerable<string>)[files[i.Image], images.ClassNames[classes[i.Image]], images.ClassNames[Best(i.Row)], .. i.Row.Select(CsvRows.Number)])];
        WholeFile.Write(path, stream => CsvRows.Write(stream, rows));
    }

    private static IEnumerable<(int Image, float[] Row)> Ordered(EvaluationResult result, ImageFolder images)
    {
        IReadOnlyList<int> classes = images.Classes;
        return result.Predictions!.Select((row, i) => (Image: i, Row: row.Length == 1 ? [1 - row[0], row[0]] : row)).OrderBy(i => i.Row[classes[i.Image]]);
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}

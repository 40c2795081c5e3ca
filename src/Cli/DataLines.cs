using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Cli;

/// <summary>What is printed of the photographs before a training.</summary>
internal sealed class DataLines(FineTuningSettings s, Terminal terminal)
{
    /// <summary>How many there are: of each class, with each label, and between which numbers.</summary>
    public void Describe(string what, ImageBatches data)
    {
        if (data is ImageMasks masks)
        {
            terminal.Line($"{data.Count} {what} images; of their pixels {string.Join(", ", Shares(masks))}");
            TellBad(data.BadFiles);
            return;
        }
        float[][] labels = s.Labels == OutputKind.Classes ? [] : LabelRows.Of(data);
        IEnumerable<string> parts = data.ClassNames.Select((name, i) => s.Labels switch
        {
            OutputKind.Labels => $"{name} {labels.Count(l => l[i] > 0)}",
            OutputKind.Values => string.Create(CultureInfo.InvariantCulture, $"{name} {labels.Min(l => l[i]):G5} to {labels.Max(l => l[i]):G5}, mean {labels.Average(l => (double)l[i]):G5}"),
            _ => $"{name} {data.Classes.Count(k => k == i)}",
        });
        terminal.Line($"{data.Count} {what} images: {string.Join(s.Labels == OutputKind.Values ? "; " : ", ", parts)}");
        TellBad(data.BadFiles);
    }

    private static IEnumerable<string> Shares(ImageMasks masks)
    {
        IReadOnlyList<long> counts = masks.CountPixels();
        double all = Math.Max(1, counts.Sum());
        return masks.ClassNames.Select((name, c) => string.Create(CultureInfo.InvariantCulture, $"{name} {100 * counts[c] / all:0.0} %"));
    }

    /// <summary>Names files that cannot be read.</summary>
    public void TellBad(IEnumerable<string> files)
    {
        foreach (string bad in files)
            terminal.Line($"  {(s.BadImages == BadImages.Substitute ? "substituted" : "skipped")} {MaskSettings.InOptions(bad)}");
    }

    /// <summary>Names the classes that training knows and validation cannot measure.</summary>
    public void TellUnvalidated(ImageBatches validation)
    {
        if (s.Labels == OutputKind.Classes && Missing(validation) is { Length: > 0 } missing)
            terminal.Line($"There are no validation {(s.Masks is null ? "images" : "pixels")} of {string.Join(", ", missing)}: how well {(missing.Length == 1 ? "it is" : "they are")} told apart is not measured.");
    }

    /// <summary>Classes without an image, or without a pixel.</summary>
    public static string[] Missing(ImageBatches data)
    {
        HashSet<int> there = data is ImageMasks masks ? [.. masks.CountPixels().Index().Where(c => c.Item > 0).Select(c => c.Index)] : [.. data.Classes];
        return [.. data.ClassNames.Where((_, c) => !there.Contains(c))];
    }

    /// <summary>The weights with which all classes count the same: by their images, or pixels.</summary>
    public static IReadOnlyDictionary<int, float> Balanced(ImageBatches data) => data is ImageMasks masks ? ClassWeighting.BalancedByCount(masks.CountPixels()) : ClassWeighting.Balanced(data.Classes);

    /// <summary>A rare class is easily never answered, while accuracy looks well.</summary>
    public void TellImbalance(ImageBatches data)
    {
        const int Much = 3;
        if (s.Labels != OutputKind.Classes || (s.Masks is not null && !s.IsBalanced)) // of pixels, mean_iou does not look well then
            return;
        int[] counts = [.. data.Classes.CountBy(c => c).Select(c => c.Value)];
        if (s.IsBalanced)
            terminal.Line($"Weights of the classes in the loss: {string.Join(", ", Balanced(data).OrderBy(w => w.Key).Select(w => string.Create(CultureInfo.InvariantCulture, $"{data.ClassNames[w.Key]} {w.Value:0.00}")))}.");
        else if (counts.Max() >= Much * counts.Min())
            terminal.Line($"The largest class has {counts.Max() / counts.Min()} times as many images as the smallest: --class-weights balanced makes them count the same, and 'graft evaluate' shows precision and recall of each.");
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Cli.Commands;
using Graft.Importers.Images;
using Graft.Kernels;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>Measures a model that gives each pixel a class on photographs whose masks are known.</summary>
internal sealed class PixelEvaluation(Terminal terminal, Model model, string data, MaskSettings masks)
{
    private const int BatchSize = 8, Listed = 5; // outputs are as large as photographs

    /// <summary>True turns photographs upright whatever the model says.</summary>
    public bool Exif { get; init; }

    /// <summary>What products are computed in.</summary>
    public ComputePrecision Precision { get; init; }

    /// <summary>Measures, and writes the numbers; as JSON, and the images as a table, into files where they are named.</summary>
    public void Run(string? json, string? csv)
    {
        var all = new ConfusionMatrix(model.ClassNames.Count, model.ClassNames);
        (ImageMasks images, ConfusionMatrix[] each) = Measure(all);
        if (OtherFiles.Tell([data]) is { } others)
            terminal.Line(others);
        PixelLines.Write(terminal, all);
        (string File, ConfusionMatrix Counts)[] photographs = [.. images.Files.Zip(each).OrderBy(p => p.Second.MeanIoU)];
        terminal.Line();
        terminal.Line("The lowest mean IoU:");
        foreach ((string file, ConfusionMatrix counts) in photographs.Take(Listed))
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {Path.GetRelativePath(Environment.CurrentDirectory, file)}: {counts.MeanIoU:F4}  ({string.Join(", ", Seen(counts).Select(c => string.Create(CultureInfo.InvariantCulture, $"{counts.Names[c]} {counts.IoU(c):F4}")))})"));
        terminal.Line();
        if (DataLines.Missing(images) is { Length: > 0 } missing)
            terminal.Line($"There are no pixels of {string.Join(", ", missing)}.");
        if (json is not null)
            WholeFile.Write(json, stream => stream.Write(Encoding.UTF8.GetBytes(Json(all).ToJsonString())));
        if (csv is not null)
            WholeFile.Write(csv, stream => CsvRows.Write(stream, Table(photographs)));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"accuracy={all.Accuracy:F4}\nmean_iou={all.MeanIoU:F4}"));
    }

    /// <summary>How often each class of a mask was taken for each; pixels that have none are not counted.</summary>
    public static ConfusionMatrix Count(IReadOnlyList<byte> mask, byte[] said, IReadOnlyList<string> classes)
    {
        var counts = new ConfusionMatrix(classes.Count, classes);
        for (int p = 0; p < said.Length; p++)
        {
            if (mask[p] < classes.Count)
                counts.Add(mask[p], said[p]);
        }
        return counts;
    }

    private (ImageMasks Images, ConfusionMatrix[] Each) Measure(ConfusionMatrix all)
    {
        model.PlanOptions = model.PlanOptions with { Precision = Precision };
        Preprocessing preprocessing = EvaluateCommand.Reading(model, Exif);
        return terminal.WithBar("Reading images", bar =>
        {
            var options = new ImageFolderOptions { LabelKind = LabelKind.Sparse, Progress = bar.Images("Reading images"), CancellationToken = terminal.Interrupt };
            ImageMasks images = ImageEvaluation.Whole(() => MaskSettings.Named(() => ImageMasks.Open(data, masks.Folder, model.ClassNames, BatchSize, preprocessing, options, masks.OptionsFor(model.ClassNames))));
            images.BatchProgress = bar.Images("Evaluating");
            var each = new ConfusionMatrix[images.Count];
            foreach (Batch batch in images.Epoch(0, 0, terminal.Interrupt))
            {
                float[][] outputs = model.Predict(batch.Inputs, batch.InputShape, terminal.Interrupt);
                for (int i = 0; i < outputs.Length; i++)
                {
                    int sample = batch.Indices[i];
                    each[sample] = Count(images.MaskOf(sample), PixelClasses.Of(model, outputs[i]), model.ClassNames);
                    all.Add(each[sample]);
                }
                images.Return(batch);
            }
            return (images, each);
        });
    }

    private static IEnumerable<int> Seen(ConfusionMatrix counts) => Enumerable.Range(0, counts.Classes).Where(counts.IsSeen);

    private static IEnumerable<IEnumerable<string>> Table((string File, ConfusionMatrix Counts)[] photographs) =>
        [["image", "mean_iou", "accuracy", .. photographs[0].Counts.Names],
            .. photographs.Select(p => (IEnumerable<string>)[p.File, Number(p.Counts.MeanIoU), Number(p.Counts.Accuracy), .. Enumerable.Range(0, p.Counts.Classes).Select(c => p.Counts.IsSeen(c) ? Number(p.Counts.IoU(c)) : "")])];

    private static string Number(double value) => CsvRows.Number((float)value);

    private static JsonObject Json(ConfusionMatrix counts) => new()
    {
        ["metrics"] = new JsonObject { ["accuracy"] = counts.Accuracy, ["mean_iou"] = counts.MeanIoU },
        ["classes"] = new JsonArray([.. counts.Names.Select((name, c) => (JsonNode)new JsonObject
        {
            ["name"] = name, ["iou"] = counts.IoU(c), ["precision"] = counts.Precision(c), ["recall"] = counts.Recall(c), ["support"] = counts.Support(c),
        })]),
        ["confusion"] = ImageEvaluation.Rows(counts),
    };
}

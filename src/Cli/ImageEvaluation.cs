using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Cli.Commands;
using Graft.Importers.Images;
using Graft.Kernels;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>Measures a model on photographs whose classes, labels or numbers are known: a folder or a table.</summary>
internal sealed class ImageEvaluation(Terminal terminal, Model model, string data)
{
    private const int BatchSize = 32, MostTold = 5; // with more classes than that, also how often the right one is among the likeliest 5

    private readonly OutputKind _kind = model.OutputKind ?? OutputKind.Classes;

    /// <summary>Of a table, the column of photographs; null for the first.</summary>
    public string? ImageColumn { get; init; }

    /// <summary>Of a table, the columns of labels; null for those of the model, or for classes the only one.</summary>
    public IReadOnlyList<string>? LabelColumns { get; init; }

    /// <summary>True turns photographs upright whatever the model says.</summary>
    public bool Exif { get; init; }

    /// <summary>What products are computed in.</summary>
    public ComputePrecision Precision { get; init; }

    /// <summary>Of several labels: the probability above which one is said.</summary>
    public float Threshold { get; init; } = LabelCounts.UsualThreshold;

    /// <summary>Measures, and writes the numbers; as JSON, and the images as a table, into files where they are named.</summary>
    public void Run(string? json, string? csv)
    {
        (EvaluationResult result, ImageBatches images) = Measure();
        if (OtherFiles.Tell(OtherFiles.ClassFolders(data)) is { } others)
            terminal.Line(others);
        float[][] labels = _kind == OutputKind.Classes ? [] : LabelRows.Of(images);
        LabelCounts? counts = _kind == OutputKind.Labels ? LabelRows.Count(images.ClassNames, result.Predictions!, labels, Threshold) : null;
        if (counts is not null)
            terminal.Line($"{counts}\n");
        else if (_kind == OutputKind.Values)
            ValidationReport.Lines(terminal, images.ClassNames, result.Predictions!, labels);
        else
            ConfusionTables.Write(result.Confusion!, terminal);
        if (_kind == OutputKind.Classes)
        {
            Mistakes.Write(result, images, terminal);
            if (DataLines.Missing(images) is { Length: > 0 } missing)
                terminal.Line($"There are no images of {string.Join(", ", missing)}: macro_f1 counts 0 for each of them.");
        }
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss={result.Loss:F4} on {result.Samples} images, {result.Samples / Math.Max(1e-9, result.Seconds):F0} images/s"));
        (string Name, double Value)[] numbers = [.. Numbers(result, counts)];
        if (json is not null)
            WholeFile.Write(json, stream => stream.Write(Encoding.UTF8.GetBytes(Json(result, numbers, counts, labels, images.ClassNames).ToJsonString())));
        if (csv is not null)
            Mistakes.WriteTable(result, images, labels, _kind, Threshold, csv);
        foreach ((string name, double value) in numbers)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{name}={value:F4}"));
    }

    private (EvaluationResult Result, ImageBatches Images) Measure()
    {
        model.PlanOptions = model.PlanOptions with { Precision = Precision };
        Preprocessing preprocessing = EvaluateCommand.Reading(model, Exif);
        return terminal.WithBar("Reading images", bar =>
        {
            ImageBatches images = Whole(() => Open(preprocessing, bar));
            images.BatchProgress = bar.Images("Evaluating");
            Compile(images);
            return (model.Evaluate(images, keepPredictions: true, terminal.Interrupt), images);
        });
    }

    /// <summary>Images that can all be read.</summary>
    /// <exception cref="GraftException">Some cannot: all of them are listed.</exception>
    public static T Whole<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (BadImagesException e)
        {
            throw new GraftException($"{e.Folder}: {e.Reasons.Count} of {e.Files} images cannot be read; mend or remove them:\n  {string.Join("\n  ", e.Reasons.Select(MaskSettings.InOptions))}", e);
        }
    }

    private ImageBatches Open(Preprocessing preprocessing, LiveBar bar)
    {
        int outputs = (int)model.Outputs[0].Shape.Count;
        var options = new ImageFolderOptions
        {
            LabelKind = _kind == OutputKind.Values ? LabelKind.Values : _kind == OutputKind.Labels || outputs == 1 ? LabelKind.Binary : LabelKind.Categorical,
            ClassNames = model.ClassNames.Count > 0 ? model.ClassNames : null, Progress = bar.Images("Reading images"), CancellationToken = terminal.Interrupt,
        };
        bool isTable = FineTuningData.IsTable(data);
        if (isTable && _kind == OutputKind.Classes && ImageTable.LabelColumnsOf(data, ImageColumn, LabelColumns) is { Count: not 1 } several)
            throw new GraftException($"{data}: {several.Count} column(s) of labels{(several.Count == 0 ? "" : $" ({string.Join(", ", several.Select(c => $"'{c}'"))})")}, but the model tells one class ({string.Join(", ", model.ClassNames)}); name its column by --label-columns.");
        if (isTable)
            return ImageTable.Open(data, BatchSize, preprocessing, options, ImageColumn, LabelColumns ?? (_kind != OutputKind.Classes && model.ClassNames.Count > 0 ? model.ClassNames : null));
        if (_kind != OutputKind.Classes)
            throw new GraftException($"{data}: the model gives {(_kind == OutputKind.Labels ? "several labels" : "numbers")} ({string.Join(", ", model.ClassNames)}), which folders cannot tell; name a table (.csv or .tsv) with these columns.");
        if (ImageColumn is not null || LabelColumns is not null)
            throw new UsageException($"--image-column and --label-columns are for a table; {data} is none.");
        return ImageFolder.Open(data, BatchSize, preprocessing, options);
    }

    private void Compile(ImageBatches images)
    {
        Metric[] metrics = _kind switch
        {
            OutputKind.Values => [.. new[] { Metric.RootMeanSquaredError, Metric.R2Score, Metric.MeanAbsoluteError }.OrderBy(m => m.Name == FineTuningTask.WatchedOfNumbers(images.ClassNames.Count))],
            OutputKind.Labels => [Metric.Auc],
            _ => [Metric.MacroF1, Metric.Auc, .. images.ClassNames.Count > MostTold ? [Metric.TopK(MostTold)] : Array.Empty<Metric>(), Metric.Accuracy],
        };
        Loss loss = images.LabelKind switch { LabelKind.Values => Loss.MeanSquaredError(), LabelKind.Binary => Loss.BinaryCrossEntropy(), _ => Loss.CategoricalCrossEntropy() };
        model.Compile(new Adam(), loss, metrics);
    }

    // The one to look at comes last.
    private static IEnumerable<(string, double)> Numbers(EvaluationResult result, LabelCounts? counts) => [.. result.Metrics.Select(m => (m.Key, m.Value)),
        .. counts is null ? Array.Empty<(string, double)>() : [("all_right", counts.Total == 0 ? 0 : (double)counts.AllRight / counts.Total), ("macro_f1", counts.MacroF1)]];

    private static JsonObject Json(EvaluationResult result, (string Name, double Value)[] numbers, LabelCounts? counts, float[][] labels, IReadOnlyList<string> names)
    {
        var json = new JsonObject { ["loss"] = result.Loss };
        if (result.Confusion is { } c)
        {
            json["accuracy"] = result["accuracy"];
            json["metrics"] = Metrics(numbers);
            json["classes"] = Scores(c.Names, i => (c.Precision(i), c.Recall(i), c.F1(i), c.Support(i)));
            json["confusion"] = Rows(c);
            return json;
        }
        json["metrics"] = Metrics(numbers);
        if (counts is not null)
        {
            json["threshold"] = counts.Threshold;
            json["labels"] = Scores(counts.Names, i => (counts.Precision(i), counts.Recall(i), counts.F1(i), counts.Support(i)));
            return json;
        }
        json["values"] = new JsonArray([.. names.Select((name, i) =>
        {
            Metric[] metrics = [Metric.MeanAbsoluteError, Metric.RootMeanSquaredError, Metric.R2Score];
            return (JsonNode)new JsonObject([new("name", name), .. metrics.Select(m => KeyValuePair.Create(m.Name, (JsonNode?)LabelRows.Measure(m, result.Predictions!, labels, i)))]);
        })]);
        return json;
    }

    /// <summary>The counts of a matrix, an array for each real class.</summary>
    public static JsonArray Rows(ConfusionMatrix c) => new([.. Enumerable.Range(0, c.Classes).Select(a => (JsonNode)new JsonArray([.. Enumerable.Range(0, c.Classes).Select(p => (JsonNode)c[a, p])]))]);

    private static JsonObject Metrics((string Name, double Value)[] numbers) => new(numbers.Select(m => KeyValuePair.Create(m.Name, (JsonNode?)m.Value)));

    private static JsonArray Scores(IReadOnlyList<string> names, Func<int, (double Precision, double Recall, double F1, long Support)> of) => [.. names.Select((name, i) =>
    {
        (double precision, double recall, double f1, long support) = of(i);
        return (JsonNode)new JsonObject { ["name"] = name, ["precision"] = precision, ["recall"] = recall, ["f1"] = f1, ["support"] = support };
    })];
}

using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Kernels;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft evaluate: loss, accuracy and confusion matrix of a model on a folder of photographs.</summary>
internal static class EvaluateCommand
{
    /// <summary>What --exif does where a model is used.</summary>
    public const string ExifDescription = "Turn photographs upright as their EXIF orientation says, even if the model was trained without --exif.";

    private const int BatchSize = 32, MostTold = 5; // with more classes than that, also how often the right one is among the likeliest 5

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file; or with --text, the folder of a language model or of a classifier of texts." };
        var data = new Option<string?>("--data") { Description = "Folder that holds one folder of images for each class of the model." };
        var text = new Option<string?>("--text") { Description = "Instead of --data: for a language model, a text (UTF-8, or .jsonl with a member 'text' in each line), whose perplexity is measured; for a classifier of texts, a .tsv file with label<tab>text in each line." };
        var block = new Option<int?>("--block") { Description = "With a language model: length of a block in tokens, each read without those before; by default what the model takes, 1024 at most." };
        var adapter = new Option<string?>("--adapter") { Description = "With a language model: folder of a LoRA adapter that is put on it." };
        var json = new Option<string?>("--json") { Description = "Also write the numbers into this file." };
        var csv = new Option<string?>("--csv") { Description = "Also write a table of the images into this file: real and predicted class and all probabilities, those first that the model is farthest from; wrong labels are found among them." };
        var exif = new Option<bool>("--exif") { Description = ExifDescription };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("evaluate", "Measure a model on a folder of images, or on a text.") { model, data, text, block, adapter, json, csv, exif, threads, precision, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            if (parsed.GetValue(data) is null == parsed.GetValue(text) is null)
                throw new UsageException("evaluate takes either --data FOLDER, of images, or --text FILE.");
            if (parsed.GetValue(text) is { } measured)
            {
                var texts = new TextEvaluation(terminal, parsed.GetRequiredValue(model)) { Block = parsed.GetValue(block), Adapter = parsed.GetValue(adapter), Precision = PrecisionOption.Read(parsed, precision, terminal) };
                texts.Run(measured, parsed.GetValue(json));
                return Application.Done;
            }
            (EvaluationResult result, ImageFolder images) = Run(parsed.GetRequiredValue(model), parsed.GetValue(data)!, parsed.GetValue(exif), PrecisionOption.Read(parsed, precision, terminal), terminal);
            ConfusionTables.Write(result.Confusion!, terminal);
            Mistakes.Write(result, images, terminal);
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss={result.Loss:F4} on {result.Samples} images, {result.Samples / Math.Max(1e-9, result.Seconds):F0} images/s"));
            if (parsed.GetValue(json) is { } file)
                WholeFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(Json(result).ToJsonString())));
            if (parsed.GetValue(csv) is { } table)
                Mistakes.WriteTable(result, images, table);
            foreach ((string name, double value) in result.Metrics.Where(m => m.Key != "accuracy"))
                terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{name}={value:F4}"));
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"accuracy={result["accuracy"]:F4}"));
            return Application.Done;
        });
        return command;
    }

    private static (EvaluationResult Result, ImageFolder Images) Run(string file, string data, bool exif, ComputePrecision precision, Terminal terminal)
    {
        Model model = terminal.Own(ModelFile.Load(file).Model);
        model.PlanOptions = model.PlanOptions with { Precision = precision };
        Preprocessing preprocessing = Reading(model, exif);
        bool binary = model.Outputs[0].Shape[-1] == 1;
        return terminal.WithBar("Reading images", bar =>
        {
            ImageFolder folder = ImageFolder.Open(data, BatchSize, preprocessing, new ImageFolderOptions
            {
                LabelKind = binary ? LabelKind.Binary : LabelKind.Categorical, ClassNames = model.ClassNames.Count > 0 ? model.ClassNames : null,
                Progress = bar.Images("Reading images"), CancellationToken = terminal.Interrupt,
            });
            folder.BatchProgress = bar.Images("Evaluating");
            model.Compile(new Adam(), binary ? Loss.BinaryCrossEntropy() : Loss.CategoricalCrossEntropy(), [Metric.Accuracy, Metric.MacroF1, Metric.Auc, .. folder.ClassNames.Count > MostTold ? [Metric.TopK(MostTold)] : Array.Empty<Metric>()]);
            return (model.Evaluate(folder, keepPredictions: true, terminal.Interrupt), folder);
        });
    }

    /// <summary>How the images of a model are read: as those that it was taught with.</summary>
    /// <param name="model">A model that was loaded.</param>
    /// <param name="exif">True turns them upright whatever the model says.</param>
    /// <exception cref="GraftException">The model takes something else than photographs, or does not say how they are read.</exception>
    public static Preprocessing Reading(Model model, bool exif)
    {
        if (model.Inputs[0].Shape.Rank != 3)
            throw new GraftException($"Model '{model.Name}' takes {model.Inputs[0].Shape}; it is not a classifier of photographs.");
        Preprocessing preprocessing = model.RequirePreprocessing();
        if (preprocessing.Input is not { } input)
            throw new GraftException($"Model '{model.Name}' does not say how photographs are resized to {model.Inputs[0].Shape}; set the Input of its Preprocessing and save it again.");
        if (!input.Shape.Equals(model.Inputs[0].Shape))
            throw new GraftException($"Model '{model.Name}' takes {model.Inputs[0].Shape}, but its preprocessing makes {input.Shape}; the two must agree.");
        return exif ? preprocessing with { Input = input with { AppliesOrientation = true } } : preprocessing;
    }

    private static JsonObject Json(EvaluationResult result)
    {
        ConfusionMatrix c = result.Confusion!;
        return new JsonObject
        {
            ["loss"] = result.Loss,
            ["accuracy"] = result["accuracy"],
            ["metrics"] = new JsonObject(result.Metrics.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))),
            ["classes"] = new JsonArray([.. c.Names.Select((name, i) => (JsonNode)new JsonObject
            {
                ["name"] = name, ["precision"] = c.Precision(i), ["recall"] = c.Recall(i), ["f1"] = c.F1(i), ["support"] = c.Support(i),
            })]),
            ["confusion"] = new JsonArray([.. Enumerable.Range(0, c.Classes).Select(a => (JsonNode)new JsonArray([.. Enumerable.Range(0, c.Classes).Select(p => (JsonNode)c[a, p])]))]),
        };
    }
}

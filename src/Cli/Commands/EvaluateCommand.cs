using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft evaluate: loss, accuracy and confusion matrix of a model on a folder of photographs.</summary>
internal static class EvaluateCommand
{
    private const int BatchSize = 32;

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file." };
        var data = new Option<string>("--data") { Required = true, Description = "Folder with a folder of images for each class of the model." };
        var json = new Option<string?>("--json") { Description = "Also write the numbers into this file." };
        var threads = new Option<int?>("--threads") { Description = "Threads; by default one a processor." };
        var command = new Command("evaluate", "Measure a model on a folder of images.") { model, data, json, threads };
        command.SetAction(parsed =>
        {
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            EvaluationResult result = Run(parsed.GetRequiredValue(model), parsed.GetRequiredValue(data), terminal);
            ConfusionMatrix confusion = result.Confusion!;
            terminal.Line(confusion.ToString());
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss={result.Loss:F4} on {result.Samples} images, {result.Samples / Math.Max(1e-9, result.Seconds):F0} images/s"));
            if (parsed.GetValue(json) is { } file)
                File.WriteAllText(file, Json(result).ToJsonString());
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"accuracy={result["accuracy"]:F4}"));
            return Application.Done;
        });
        return command;
    }

    private static EvaluationResult Run(string file, string data, Terminal terminal)
    {
        Model model = ModelFile.Load(file).Model;
        bool binary = model.Outputs[0].Shape[-1] == 1;
        ImageFolder folder = ImageFolder.Open(data, Size(model), BatchSize, model.Preprocessing!, new ImageFolderOptions
        {
            LabelKind = binary ? LabelKind.Binary : LabelKind.Categorical, Resize = ResizeFilter.Bilinear, ClassNames = model.ClassNames,
        });
        model.Compile(new Adam(), binary ? Loss.BinaryCrossEntropy() : Loss.CategoricalCrossEntropy(), Metric.Accuracy);
        return model.Evaluate(folder, cancellationToken: terminal.Interrupt);
    }

    /// <summary>Rows and columns of the images that a model takes.</summary>
    /// <exception cref="GraftException">The model takes something else than photographs.</exception>
    public static (int Height, int Width) Size(Model model) => model.Preprocessing is not null && model.Inputs[0].Shape.Rank == 3
        ? (model.Inputs[0].Shape[0], model.Inputs[0].Shape[1])
        : throw new GraftException($"Model '{model.Name}' takes {model.Inputs[0].Shape} without preprocessing; it is not a classifier of photographs.");

    private static JsonObject Json(EvaluationResult result)
    {
        ConfusionMatrix c = result.Confusion!;
        return new JsonObject
        {
            ["loss"] = result.Loss,
            ["accuracy"] = result["accuracy"],
            ["classes"] = new JsonArray([.. c.Names.Select((name, i) => (JsonNode)new JsonObject
            {
                ["name"] = name, ["precision"] = c.Precision(i), ["recall"] = c.Recall(i), ["f1"] = c.F1(i), ["support"] = c.Support(i),
            })]),
            ["confusion"] = new JsonArray([.. Enumerable.Range(0, c.Classes).Select(a => (JsonNode)new JsonArray([.. Enumerable.Range(0, c.Classes).Select(p => (JsonNode)c[a, p])]))]),
        };
    }
}

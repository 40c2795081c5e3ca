using System.CommandLine;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft evaluate: how good a model is on a folder or a table of photographs, or on a text.</summary>
internal static class EvaluateCommand
{
    /// <summary>What --exif does where a model is used.</summary>
    public const string ExifDescription = "Turn photographs upright as their EXIF orientation says, even if the model was trained without --exif.";

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "A .graft file, or the folder that finetune wrote it to; or with --text, the folder of a language model or of a classifier of texts." };
        var data = new Option<string?>("--data") { Description = "Folder that holds one folder of images for each class of the model; or a table (.csv, .tsv) of photographs with their classes, labels or numbers." };
        var columns = new LabelsOption();
        Option<float?> threshold = ThresholdOption.Create();
        var text = new Option<string?>("--text") { Description = "Instead of --data: for a language model, a text (UTF-8, or .jsonl with a member 'text' in each line), whose perplexity is measured; for a classifier of texts, a .tsv file with label<tab>text in each line." };
        var block = new Option<int?>("--block") { Description = "With a language model: length of a block in tokens, each read without those before; by default what the model takes, 1024 at most." };
        var adapter = new Option<string?>("--adapter") { Description = "With a language model: folder of a LoRA adapter that is put on it; without --model, on the one that the adapter names." };
        var json = new Option<string?>("--json") { Description = "Also write the numbers into this file." };
        var csv = new Option<string?>("--csv") { Description = "Also write a table of the images into this file: real and predicted class and all probabilities (labels or numbers likewise), those first that the model is farthest from; wrong labels are found among them." };
        var exif = new Option<bool>("--exif") { Description = ExifDescription };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("evaluate", "Measure a model on a folder or a table of images, or on a text.") { model, data, text, block, adapter, json, csv, exif, threads, precision, device };
        columns.AddTo(command, asksKind: false);
        command.Add(threshold);
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            if (parsed.GetValue(data) is null == parsed.GetValue(text) is null)
                throw new UsageException("evaluate takes either --data FOLDER or TABLE, of images, or --text FILE.");
            Partners.Refuse(parsed, parsed.GetValue(text) is null, "of use with --text alone", block, adapter);
            if (parsed.GetValue(text) is { } measured)
            {
                Partners.Refuse(parsed, isMissing: true, "of use with --data alone", [threshold, csv, exif, .. columns.OfColumns]);
                var texts = new TextEvaluation(terminal, TextModelFolder.Choose(parsed.GetValue(model), parsed.GetValue(adapter), "evaluate --text")) { Block = parsed.GetValue(block), Adapter = parsed.GetValue(adapter), Precision = PrecisionOption.Read(parsed, precision, terminal) };
                texts.Run(measured, parsed.GetValue(json));
                return Application.Done;
            }
            string file = ModelPath.GraftFileOf(parsed.GetValue(model) ?? throw new UsageException("evaluate --data takes --model: a .graft file, or the folder that finetune wrote it to."), "evaluate", "measure it by --text, or name a model of photographs for --data");
            Model loaded = terminal.Own(ModelFile.Load(file, compile: false).Model);
            RequireWholePhotographs(loaded);
            var images = new ImageEvaluation(terminal, loaded, parsed.GetValue(data)!)
            {
                ImageColumn = columns.Image(parsed), LabelColumns = columns.Columns(parsed), Exif = parsed.GetValue(exif), Precision = PrecisionOption.Read(parsed, precision, terminal),
                Threshold = ThresholdOption.Read(parsed, threshold, loaded.OutputKind ?? OutputKind.Classes),
            };
            images.Run(parsed.GetValue(json), parsed.GetValue(csv));
            return Application.Done;
        });
        return command;
    }

    /// <exception cref="GraftException">The model has several inputs or outputs.</exception>
    public static void RequireOneOfEach(Model model)
    {
        if (model.Inputs.Count > 1 || model.Outputs.Count > 1)
            throw new GraftException($"Model '{model.Name}' has {model.Inputs.Count} inputs and {model.Outputs.Count} outputs; predict and evaluate take one of each. 'graft run' computes any model on arrays, and a program evaluates it by Model.Evaluate.");
    }

    /// <exception cref="GraftException">The model tells something else than classes, labels or numbers of whole photographs.</exception>
    public static void RequireWholePhotographs(Model model)
    {
        if (model.Outputs[0].Shape.Rank != 1)
            throw new GraftException($"Model '{model.Name}' gives {model.Outputs[0].Shape} for a photograph, not classes, labels or numbers of the whole; a program measures it by Model.Evaluate{(PixelClasses.AreGivenBy(model) ? ", of masks on ImageMasks" : "")}.");
    }

    /// <summary>How the images of a model are read: as those that it was taught with.</summary>
    /// <param name="model">A model that was loaded.</param>
    /// <param name="exif">True turns them upright whatever the model says.</param>
    /// <exception cref="GraftException">The model takes something else than photographs, or does not say how they are read.</exception>
    public static Preprocessing Reading(Model model, bool exif)
    {
        RequireOneOfEach(model);
        if (model.Inputs[0].Shape.Rank != 3)
            throw new GraftException($"Model '{model.Name}' takes {model.Inputs[0].Shape}; it is not a classifier of photographs.");
        Preprocessing preprocessing = model.RequirePreprocessing();
        if (preprocessing.Input is not { } input)
            throw new GraftException($"Model '{model.Name}' does not say how photographs are resized to {model.Inputs[0].Shape}; set the Input of its Preprocessing and save it again.");
        if (!input.Shape.Equals(model.Inputs[0].Shape))
            throw new GraftException($"Model '{model.Name}' takes {model.Inputs[0].Shape}, but its preprocessing makes {input.Shape}; the two must agree.");
        return exif ? preprocessing with { Input = input with { AppliesOrientation = true } } : preprocessing;
    }
}

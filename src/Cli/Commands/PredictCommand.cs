using System.CommandLine;
using System.Globalization;
using Graft.Importers.Images;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft predict: class, labels or numbers of images, or class of texts.</summary>
internal static class PredictCommand
{
    private const int ImagesAtOnce = 32;

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "A .graft file, or the folder that finetune wrote it to; or for texts, the folder of a classifier as finetune-text --task classification writes it." };
        var network = new Option<string?>("--base") { Description = "Instead of --model, a published network with its 1000 ImageNet classes: vgg16, resnet50 or squeezenet." };
        network.AcceptOnlyFromAmong(FullNetwork.Names);
        var weights = new Option<string?>("--weights") { Description = "Weight file of --base, with its classifier (top); by default the one that 'graft weights pull NAME --top' downloaded." };
        var top = new Option<int>("--top") { DefaultValueFactory = _ => 5, Description = "With ImageNet's 1000 classes: how many to show for each image." };
        Option<float?> threshold = ThresholdOption.Create();
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var csv = new Option<bool>("--csv") { Description = "Print CSV instead of lines: a row for each image, with a column for each class, label or number." };
        var bad = new Option<string>("--on-bad-image") { DefaultValueFactory = _ => "throw", Description = "What to do with damaged images: throw (stop at the first), or skip (say what is wrong in place of their classes, and go on)." };
        bad.AcceptOnlyFromAmong("throw", "skip");
        var exif = new Option<bool>("--exif") { Description = EvaluateCommand.ExifDescription };
        var text = new Option<string?>("--text") { Description = "Instead of images: a text to classify." };
        var textFile = new Option<string?>("--text-file") { Description = "Instead of images: a file with one text in each line. For a .tsv file with label<tab>text in each line, the correct answers are counted too." };
        var images = new Argument<string[]>("images") { Arity = ArgumentArity.ZeroOrMore, Description = "Image files, and folders: all images in them." };
        var masks = new Option<string?>("--masks") { Description = "With a model that gives each pixel a class: the folder for a mask of each image, NAME.png, gray and as large as the image, each pixel the number of its class." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("predict", "Classify images or texts, or tell labels or numbers of images.") { model, network, weights, top, threshold, json, csv, bad, exif, masks, text, textFile, images, precision, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            if (new[] { parsed.GetValue(text) is not null, parsed.GetValue(textFile) is not null, parsed.GetValue(images)!.Length > 0 }.Count(given => given) != 1)
                throw new UsageException("predict takes image files or folders of them, or --text TEXT, or --text-file FILE.");
            if (parsed.GetValue(json) && parsed.GetValue(csv))
                throw new UsageException("--json and --csv: take one of them.");
            Partners.Refuse(parsed, parsed.GetValue(network) is null, "goes with --base", weights);
            if (parsed.GetValue(images)!.Length == 0)
            {
                Partners.Refuse(parsed, isMissing: true, "of no use with texts", network, weights, top, threshold, csv, bad, exif, masks);
                string folder = ModelPath.FolderOf(parsed.GetValue(model) ?? throw new UsageException("predict takes --model DIR for texts: the folder of a classifier."),
                    "the folder of a classifier is due here, as finetune-text --task classification writes it");
                var texts = new TextPrediction(terminal, folder, parsed.GetValue(json)) { Precision = PrecisionOption.Read(parsed, precision, terminal) };
                if (parsed.GetValue(text) is string single)
                    texts.Text(single);
                else
                    texts.File(parsed.GetValue(textFile)!);
                return Application.Done;
            }
            Model loaded = terminal.Own(Load(parsed.GetValue(model), parsed.GetValue(network), parsed.GetValue(weights)));
            loaded.PlanOptions = loaded.PlanOptions with { Precision = PrecisionOption.Read(parsed, precision, terminal) };
            loaded.Preprocessing = EvaluateCommand.Reading(loaded, parsed.GetValue(exif));
            Partners.Refuse(parsed, !FullNetwork.TellsImageNet(loaded), $"for ImageNet's 1000 classes; this model has {loaded.ClassNames.Count} of its own, which are all shown", top);
            PixelPrediction? pixels = PixelClasses.AreGivenBy(loaded) ? new PixelPrediction(loaded, parsed.GetValue(masks)) : null;
            Partners.Refuse(parsed, pixels is null, "for models that give each pixel a class", masks);
            OutputKind kind = loaded.OutputKind ?? OutputKind.Classes;
            float said = ThresholdOption.Read(parsed, threshold, kind);
            string[] files = [.. parsed.GetRequiredValue(images).SelectMany(i => Directory.Exists(i) ? ImageFolder.ImagesIn(i) : [i])];
            if (OtherFiles.Tell(parsed.GetRequiredValue(images)) is { } others)
                parsed.InvocationConfiguration.Error.WriteLine($"graft: {others}"); // not between the predictions, which may be JSON
            int count = (int)FinetuneCommand.Within(parsed.GetValue(top), 1, ImageNet.Classes.Count, "--top");
            var errors = new SortedDictionary<int, string>();
            SortedDictionary<int, string>? skipped = parsed.GetValue(bad) == "skip" ? errors : null;
            float[][] rows = terminal.WithBar("Predicting", bar => pixels?.Run(files, bar.Images("Predicting"), skipped, terminal.Interrupt) ?? Predict(loaded, files, bar.Images("Predicting"), terminal.Interrupt, skipped));
            if (FullNetwork.TellsImageNet(loaded))
            {
                if (parsed.GetValue(csv))
                    throw new UsageException("--csv has a column for each class, of which ImageNet has 1000; take --json.");
                ImageNetPrediction[][] found = [.. rows.Select(r => r.Length == 0 ? [] : ImageNet.DecodePredictions([r], count)[0])];
                ImageNetLines.Write(terminal, files, found, parsed.GetValue(json), errors);
                return Application.Done;
            }
            int outputs = errors.Count < rows.Length ? rows.Max(r => r.Length) : loaded.ClassNames.Count;
            IReadOnlyList<string> names = loaded.ClassNames.Count == outputs ? loaded.ClassNames : [.. Enumerable.Range(0, outputs).Select(k => k.ToString(CultureInfo.InvariantCulture))];
            var form = new OutputRows(pixels is null ? kind : OutputKind.Values, names, said); // shares of pixels
            if (parsed.GetValue(json))
                PredictionLines.Json(terminal, files, form, rows, errors);
            else if (parsed.GetValue(csv))
                PredictionLines.Csv(terminal, files, form, rows, errors);
            else
                PredictionLines.Plain(terminal, files, form, rows, errors);
            return Application.Done;
        });
        return command;
    }

    private static Model Load(string? model, string? network, string? weights)
    {
        if (model is null == network is null)
            throw new UsageException("predict takes either --model FILE or --base NAME.");
        if (model is null)
            return FullNetwork.Load(network!, weights);
        Model loaded = ModelFile.Load(ModelPath.GraftFileOf(model, "predict", "give it texts by --text or --text-file, or a model of photographs"), compile: false).Model;
        EvaluateCommand.RequireOneOfEach(loaded);
        return loaded.ClassNames.Count > 0 || FullNetwork.TellsImageNet(loaded) ? loaded
            : throw new GraftException($"{model}: gives {loaded.Outputs[0].Shape} and no class names are stored with it; it is not a classifier. Set Model.ClassNames before it is saved.");
    }

    /// <summary>One row of outputs for each image, of classes the probability of each; the images are read as those of the training were.</summary>
    /// <param name="model">The model.</param>
    /// <param name="files">The images.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="interrupt">Ends it.</param>
    /// <param name="errors">What is wrong with files that are no images, by their numbers: their rows are empty. Null throws.</param>
    /// <exception cref="GraftException">A file is no image; nothing is returned then.</exception>
    internal static float[][] Predict(Model model, IReadOnlyList<string> files, IProgress<(int Done, int Total)>? progress, CancellationToken interrupt, IDictionary<int, string>? errors = null)
    {
        var reader = new ImageReader(model.Preprocessing!);
        int pixels = (int)reader.Shape.Count;
        var rows = new float[files.Count][];
        foreach (int[] chunk in Enumerable.Range(0, files.Count).Chunk(ImagesAtOnce))
        {
            var inputs = new float[chunk.Length * pixels];
            var read = new List<int>();
            foreach (int file in chunk)
            {
                interrupt.ThrowIfCancellationRequested();
                try
                {
                    reader.Read(files[file], inputs.AsSpan(read.Count * pixels, pixels));
                    read.Add(file);
                }
                catch (GraftException e) when (errors is not null)
                {
                    (rows[file], errors[file]) = ([], e.Message);
                }
            }
            if (read.Count > 0)
            {
                float[][] found = model.Predict(read.Count == chunk.Length ? inputs : inputs[..(read.Count * pixels)], reader.Shape.Prepend(read.Count), interrupt);
                foreach ((int file, float[] row) in read.Zip(found))
                    rows[file] = row.Length == 1 && model.OutputKind is null or OutputKind.Classes ? [1 - row[0], row[0]] : row; // a sigmoid gives the second class
            }
            progress?.Report((chunk[^1] + 1, files.Count));
        }
        return rows;
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Models;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft predict: class and probabilities of images, or of texts.</summary>
internal static class PredictCommand
{
    private const int ImagesAtOnce = 32;

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "A .graft file; or for texts, the folder of a classifier as finetune-text --task classification writes it." };
        var network = new Option<string?>("--base") { Description = "Instead of --model, a published network with its 1000 ImageNet classes: vgg16, resnet50 or squeezenet." };
        network.AcceptOnlyFromAmong(FullNetwork.Names);
        var weights = new Option<string?>("--weights") { Description = "Weight file of --base, with its classifier (top); by default the one that 'graft weights pull NAME --top' downloaded." };
        var top = new Option<int>("--top") { DefaultValueFactory = _ => 5, Description = "With ImageNet's 1000 classes: how many to show for each image." };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var exif = new Option<bool>("--exif") { Description = EvaluateCommand.ExifDescription };
        var text = new Option<string?>("--text") { Description = "Instead of images: a text to classify." };
        var textFile = new Option<string?>("--text-file") { Description = "Instead of images: a file with one text in each line. For a .tsv file with label<tab>text in each line, the correct answers are counted too." };
        var images = new Argument<string[]>("images") { Arity = ArgumentArity.ZeroOrMore, Description = "Image files, and folders: all images in them." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("predict", "Classify images or texts.") { model, network, weights, top, json, exif, text, textFile, images, precision, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            if (new[] { parsed.GetValue(text) is not null, parsed.GetValue(textFile) is not null, parsed.GetValue(images)!.Length > 0 }.Count(given => given) != 1)
                throw new UsageException("predict takes image files or folders of them, or --text TEXT, or --text-file FILE.");
            if (parsed.GetValue(images)!.Length == 0)
            {
                var texts = new TextPrediction(terminal, parsed.GetValue(model) ?? throw new UsageException("predict takes --model DIR for texts: the folder of a classifier."), parsed.GetValue(json)) { Precision = PrecisionOption.Read(parsed, precision, terminal) };
                if (parsed.GetValue(text) is string single)
                    texts.Text(single);
                else
                    texts.File(parsed.GetValue(textFile)!);
                return Application.Done;
            }
            Model loaded = terminal.Own(Load(parsed.GetValue(model), parsed.GetValue(network), parsed.GetValue(weights)));
            loaded.PlanOptions = loaded.PlanOptions with { Precision = PrecisionOption.Read(parsed, precision, terminal) };
            loaded.Preprocessing = EvaluateCommand.Reading(loaded, parsed.GetValue(exif));
            string[] files = [.. parsed.GetRequiredValue(images).SelectMany(i => Directory.Exists(i) ? ImageFolder.ImagesIn(i) : [i])];
            int count = (int)FinetuneCommand.Within(parsed.GetValue(top), 1, ImageNet.Classes.Count, "--top");
            float[][] rows = terminal.WithBar("Predicting", bar => Predict(loaded, files, bar.Images("Predicting"), terminal.Interrupt));
            if (FullNetwork.TellsImageNet(loaded))
            {
                ImageNetLines.Write(terminal, files, ImageNet.DecodePredictions(rows, count), parsed.GetValue(json));
                return Application.Done;
            }
            string[] names = loaded.ClassNames.Count == rows[0].Length ? [.. loaded.ClassNames] : [.. Enumerable.Range(0, rows[0].Length).Select(k => k.ToString(CultureInfo.InvariantCulture))];
            if (parsed.GetValue(json))
            {
                terminal.Line(new JsonArray([.. files.Select((f, i) => (JsonNode)new JsonObject
                {
                    ["image"] = f, ["class"] = names[Best(rows[i])],
                    ["probabilities"] = new JsonObject(names.Select((c, k) => KeyValuePair.Create(c, (JsonNode?)rows[i][k]))),
                })]).ToJsonString());
                return Application.Done;
            }
            for (int i = 0; i < files.Length; i++)
            {
                IEnumerable<string> shares = names.Select((c, k) => string.Create(CultureInfo.InvariantCulture, $"{c} {rows[i][k]:F4}"));
                terminal.Line($"{files[i]}: {names[Best(rows[i])]}  ({string.Join(", ", shares)})");
            }
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
        Model loaded = ModelFile.Load(model).Model;
        return loaded.ClassNames.Count > 0 || FullNetwork.TellsImageNet(loaded) ? loaded
            : throw new GraftException($"{model}: gives {loaded.Outputs[0].Shape} and no class names are stored with it; it is not a classifier. Set Model.ClassNames before it is saved.");
    }

    /// <summary>One row of class probabilities for each image; the images are read as those of the training were.</summary>
    /// <exception cref="GraftException">A file is no image; nothing is returned then.</exception>
    internal static float[][] Predict(Model model, IReadOnlyList<string> files, IProgress<(int Done, int Total)>? progress, CancellationToken interrupt)
    {
        var reader = new ImageReader(model.Preprocessing!);
        int pixels = (int)reader.Shape.Count;
        var rows = new List<float[]>(files.Count);
        foreach (string[] chunk in files.Chunk(ImagesAtOnce))
        {
            var inputs = new float[chunk.Length * pixels];
            for (int i = 0; i < chunk.Length; i++)
            {
                interrupt.ThrowIfCancellationRequested();
                reader.Read(chunk[i], inputs.AsSpan(i * pixels, pixels));
            }
            rows.AddRange(model.Predict(inputs, reader.Shape.Prepend(chunk.Length), interrupt));
            progress?.Report((rows.Count, files.Count));
        }
        return rows[0].Length == 1 ? [.. rows.Select(r => new[] { 1 - r[0], r[0] })] : [.. rows]; // a sigmoid gives the second class
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}

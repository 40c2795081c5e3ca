using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft predict: class and probabilities of images.</summary>
internal static class PredictCommand
{
    private const int ImagesAtOnce = 32;

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file." };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var exif = new Option<bool>("--exif") { Description = EvaluateCommand.ExifDescription };
        var images = new Argument<string[]>("images") { Arity = ArgumentArity.OneOrMore, Description = "Image files." };
        var command = new Command("predict", "Classify images.") { model, json, exif, images };
        command.SetAction(parsed =>
        {
            Model loaded = ModelFile.Load(parsed.GetRequiredValue(model)).Model;
            loaded.Preprocessing = EvaluateCommand.Reading(loaded, parsed.GetValue(exif));
            string[] files = parsed.GetRequiredValue(images);
            float[][] rows = terminal.WithBar("Predicting", bar => Predict(loaded, files, bar.Images("Predicting"), terminal.Interrupt));
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

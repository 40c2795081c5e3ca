using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Weights;

namespace Graft.Cli.Commands;

/// <summary>graft predict: class and probabilities of images.</summary>
internal static class PredictCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file." };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var images = new Argument<string[]>("images") { Arity = ArgumentArity.OneOrMore, Description = "Image files." };
        var command = new Command("predict", "Classify images.") { model, json, images };
        command.SetAction(parsed =>
        {
            Model loaded = ModelFile.Load(parsed.GetRequiredValue(model)).Model;
            string[] files = parsed.GetRequiredValue(images);
            float[][] rows = Predict(loaded, files, terminal.Interrupt);
            if (parsed.GetValue(json))
            {
                terminal.Line(new JsonArray([.. files.Select((f, i) => (JsonNode)new JsonObject
                {
                    ["image"] = f, ["class"] = loaded.ClassNames[Best(rows[i])],
                    ["probabilities"] = new JsonObject(loaded.ClassNames.Select((c, k) => KeyValuePair.Create(c, (JsonNode?)rows[i][k]))),
                })]).ToJsonString());
                return Application.Done;
            }
            for (int i = 0; i < files.Length; i++)
            {
                IEnumerable<string> shares = loaded.ClassNames.Select((c, k) => string.Create(CultureInfo.InvariantCulture, $"{c} {rows[i][k]:F4}"));
                terminal.Line($"{files[i]}: {loaded.ClassNames[Best(rows[i])]}  ({string.Join(", ", shares)})");
            }
            return Application.Done;
        });
        return command;
    }

    /// <summary>One row of class probabilities for each image.</summary>
    internal static float[][] Predict(Model model, IReadOnlyList<string> files, CancellationToken interrupt)
    {
        (int height, int width) = EvaluateCommand.Size(model);
        int pixels = height * width * 3;
        var inputs = new float[files.Count * pixels];
        for (int i = 0; i < files.Count; i++)
        {
            byte[] rgb = ImageResize.Run(ImageDecoder.Decode(files[i]), height, width, ResizeFilter.Bilinear).Rgb;
            model.Preprocessing!.Apply(Array.ConvertAll(rgb, b => (float)b), inputs.AsSpan(i * pixels, pixels));
        }
        float[][] rows = model.Predict(inputs, new Shape(files.Count, height, width, 3), interrupt);
        return rows.Length > 0 && rows[0].Length == 1 ? [.. rows.Select(r => new[] { 1 - r[0], r[0] })] : rows; // a sigmoid gives the second class
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}

using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Weights;

/// <summary>The preprocessing entry of a model file; a mean image is an array of the file beside it.</summary>
internal static class PreprocessingJson
{
    private const string InputEntry = "input", DraftEntry = "draft";

    /// <summary>The entry.</summary>
    public static JsonObject Write(Preprocessing p) => new()
    {
        ["name"] = p.Name,
        ["reverse_channels"] = p.ReverseChannels,
        ["scale"] = p.Scale,
        ["mean"] = new JsonArray([.. p.Mean.Select(v => (JsonNode)v)]),
        ["std"] = new JsonArray([.. p.Std.Select(v => (JsonNode)v)]),
        [InputEntry] = p.Input is not { } input ? null : new JsonObject
        {
            ["height"] = input.Height,
            ["width"] = input.Width,
            ["resize"] = input.Resize.ToString(),
            ["color_mode"] = input.ColorMode.ToString(),
            ["applies_orientation"] = input.AppliesOrientation,
            [DraftEntry] = input.Draft,
        },
    };

    /// <summary>Reads the entry.</summary>
    /// <remarks>
    /// Files of the first version have none of what is below "input": they were written by a program that resized bilinearly to the
    /// model's size, and that used a mean image only where the model had its size. Files without a "draft" were written by one that decoded photographs whole.
    /// </remarks>
    /// <exception cref="GraftException">A part is missing or unknown.</exception>
    public static Preprocessing Read(JsonObject p, Shape image, (Shape Shape, float[] Values)? mean, string path)
    {
        var preprocessing = new Preprocessing((string)Part(p, "name", path)!, (bool)Part(p, "reverse_channels", path), (float)Part(p, "scale", path), Numbers(p, "mean", path), Numbers(p, "std", path));
        bool photographs = image.Rank == 3;
        if (!p.ContainsKey(InputEntry))
        {
            bool fits = photographs && mean?.Values.Length == image.Count;
            return preprocessing with
            {
                Input = photographs ? new ImageInput(image[0], image[1], ResizeFilter.Bilinear) : null,
                MeanImage = fits ? new MeanImage(image[0], image[1], mean!.Value.Values) : null,
            };
        }
        return preprocessing with
        {
            Input = p[InputEntry] is JsonObject input ? ReadInput(input, path) : null,
            MeanImage = mean is { Shape.Rank: 3 } m ? new MeanImage(m.Shape[0], m.Shape[1], m.Values) : null,
        };
    }

    private static ImageInput ReadInput(JsonObject input, string path) => new((int)Part(input, "height", path), (int)Part(input, "width", path),
        Word<ResizeFilter>(input, "resize", path), Word<ColorMode>(input, "color_mode", path), (bool)Part(input, "applies_orientation", path),
        input[DraftEntry] is { } draft && (bool)draft);

    private static T Word<T>(JsonObject item, string name, string path)
        where T : struct, Enum => Enum.TryParse((string?)Part(item, name, path), out T value) ? value
        : throw new GraftException($"{path}: its preprocessing has the {name} '{item[name]}'; this version knows {string.Join(", ", Enum.GetNames<T>())}. Use a newer version.");

    private static float[] Numbers(JsonObject item, string name, string path) => [.. Part(item, name, path).AsArray().Select(v => (float)v!)];

    private static JsonNode Part(JsonObject item, string name, string path) =>
        item[name] ?? throw new GraftException($"{path}: its preprocessing has no '{name}'; the file is damaged or from another program.");
}

using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Importers.Onnx;

/// <summary>Keys of metadata_props that this program writes and reads.</summary>
internal static class OnnxMetadata
{
    /// <summary>A JSON list of the classes' names.</summary>
    public const string ClassNames = "graft.class_names";

    /// <summary>What the outputs stand for, in the word of a model file.</summary>
    public const string OutputKind = "graft.output_kind";

    /// <summary>The preprocessing entry of a model file, as JSON.</summary>
    public const string Preprocessing = "graft.preprocessing";

    /// <summary>A mean image, which the preprocessing has beside it: JSON of its height, its width, and its numbers as base64 of float32.</summary>
    public const string MeanImage = "graft.mean_image";

    /// <summary>Writes a mean image.</summary>
    public static string Write(MeanImage mean) =>
        new JsonObject { ["height"] = mean.Height, ["width"] = mean.Width, ["float32"] = Convert.ToBase64String(MemoryMarshal.AsBytes(mean.Values)) }.ToJsonString();

    /// <summary>Reads one.</summary>
    /// <exception cref="GraftException">A part is missing, or the numbers do not fill the size.</exception>
    public static (Shape Shape, float[] Values) ReadMean(JsonNode json, string path)
    {
        const int Channels = 3;
        if (json is not JsonObject { Count: 3 } o || o["height"] is not JsonValue h || !h.TryGetValue(out int height) || o["width"] is not JsonValue w || !w.TryGetValue(out int width) || o["float32"] is not JsonValue text
            || !text.TryGetValue(out string? base64) || base64.Length % 4 != 0 || base64.Length / 4 * 3L < sizeof(float) * 3L * height * width)
            throw Damaged(path);
        var bytes = new byte[base64.Length / 4 * 3];
        if (height < 1 || width < 1 || !Convert.TryFromBase64String(base64, bytes, out int count) || count != sizeof(float) * Channels * (long)height * width)
            throw Damaged(path);
        return (new Shape(height, width, Channels), MemoryMarshal.Cast<byte, float>(bytes.AsSpan(0, count)).ToArray());
    }

    private static GraftException Damaged(string path) => new($"{path}: its metadata '{MeanImage}' is no height, width and base64 of as many numbers; take it out, or export the model anew.");
}

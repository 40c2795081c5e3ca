using System.Text.Json.Nodes;

namespace Graft.Layers;

/// <summary>A sliding window over volumes: one along the depth and one over each slice.</summary>
internal sealed record Window3D((int Depth, int Height, int Width) Filter, (int Depth, int Height, int Width) Strides, (int Depth, int Height, int Width) Dilation, Padding Padding)
{
    /// <summary>Along the depth, which stands where an image has its height.</summary>
    public Window Depth => new(Filter.Depth, 1, Strides.Depth, 1, Dilation.Depth, 1, Padding, null);

    /// <summary>Over a slice.</summary>
    public Window Slice => new(Filter.Height, Filter.Width, Strides.Height, Strides.Width, Dilation.Height, Dilation.Width, Padding, null);

    /// <summary>[D,H,W,C] in, [P,Q,R,channels] out.</summary>
    public Shape Output(Shape input, int channels)
    {
        CheckVolume(input);
        Shape slice = Slice.Output(new Shape(input[1], input[2], input[3]), channels);
        return new Shape(Depth.Output(new Shape(input[0], 1, 1), 1)[0], slice[0], slice[1], channels);
    }

    /// <summary>Slices of zeros before and behind a volume of the given depth.</summary>
    public (int Front, int Back) DepthBorder(int depth) => (Depth.Border(depth, 1).Top, Depth.Border(depth, 1).Bottom);

    /// <exception cref="ShapeException">It is no volume.</exception>
    public static void CheckVolume(Shape input)
    {
        if (input.Rank != 4)
            throw new ShapeException($"takes volumes [D,H,W,C], not {input}; volumes are [N,D,H,W,C].");
    }

    public void Write(JsonObject config)
    {
        config["filter"] = new JsonArray(Filter.Depth, Filter.Height, Filter.Width);
        config["strides"] = new JsonArray(Strides.Depth, Strides.Height, Strides.Width);
        config["dilation"] = new JsonArray(Dilation.Depth, Dilation.Height, Dilation.Width);
        config["padding"] = Padding.ToString();
    }

    public static Window3D Read(JsonNode config) =>
        new(Three(config["filter"]!), Three(config["strides"]!), Three(config["dilation"]!), Enum.Parse<Padding>((string)config["padding"]!));

    private static (int, int, int) Three(JsonNode numbers) => ((int)numbers[0]!, (int)numbers[1]!, (int)numbers[2]!);
}

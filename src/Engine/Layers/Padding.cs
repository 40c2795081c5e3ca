using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>How a filter meets the border, by Keras's names.</summary>
public enum Padding
{
    /// <summary>No padding: the filter stays inside.</summary>
    Valid,

    /// <summary>Zeros, so that the output has ceil(input / stride) rows; the odd row goes to the bottom, as in TensorFlow.</summary>
    Same,
}

/// <summary>A sliding window: filter size, step, spacing and border, shared by convolution and pooling layers.</summary>
internal sealed record Window(int FilterH, int FilterW, int StrideH, int StrideW, int DilationH, int DilationW, Padding Padding, Padding2D? Explicit)
{
    /// <summary>The rows and columns added around an image of the given size.</summary>
    public Padding2D Border(int height, int width) => Explicit
        ?? (Padding == Padding.Valid ? Padding2D.None : Padding2D.Same(height, width, FilterH, FilterW, StrideH, StrideW, DilationH, DilationW));

    /// <summary>[H,W,C] in, [P,Q,channels] out: P = (H + padding - dilation (R - 1) - 1) / stride + 1.</summary>
    public Shape Output(Shape input, int channels)
    {
        if (input.Rank != 3)
            throw new ShapeException($"takes images [H,W,C], not {input}; images are [N,H,W,C].");
        Padding2D p = Border(input[0], input[1]);
        int h = (input[0] + p.Top + p.Bottom - DilationH * (FilterH - 1) - 1) / StrideH + 1;
        int w = (input[1] + p.Left + p.Right - DilationW * (FilterW - 1) - 1) / StrideW + 1;
        bool fits = input[0] + p.Top + p.Bottom > DilationH * (FilterH - 1) && input[1] + p.Left + p.Right > DilationW * (FilterW - 1);
        return fits ? new Shape(h, w, channels)
            : throw new ShapeException($"a filter of {FilterH}x{FilterW} does not fit into {input} with padding {p}; use larger images or Padding.Same.");
    }

    public void Write(JsonObject config)
    {
        config["window"] = new JsonArray(FilterH, FilterW, StrideH, StrideW, DilationH, DilationW);
        config["padding"] = Explicit is { } e ? new JsonArray(e.Top, e.Bottom, e.Left, e.Right) : Padding.ToString();
    }

    public static Window Read(JsonNode config)
    {
        int[] w = [.. config["window"]!.AsArray().Select(i => (int)i!)];
        Padding2D? border = config["padding"] is JsonArray p ? new Padding2D((int)p[0]!, (int)p[1]!, (int)p[2]!, (int)p[3]!) : null;
        return new Window(w[0], w[1], w[2], w[3], w[4], w[5], border is null ? Enum.Parse<Padding>((string)config["padding"]!) : Padding.Valid, border);
    }
}

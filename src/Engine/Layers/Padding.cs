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

    /// <summary>Zeros before a sequence alone, so that no output sees what comes after it: of Conv1D, SeparableConv1D and DepthwiseConv1D.</summary>
    Causal,
}

/// <summary>A sliding window: filter size, step, spacing and border, shared by convolution and pooling layers.</summary>
internal sealed record Window(int FilterH, int FilterW, int StrideH, int StrideW, int DilationH, int DilationW, Padding Padding, Padding2D? Explicit)
{
    /// <summary>The rows and columns added around an image of the given size.</summary>
    public Padding2D Border(int height, int width) => Explicit ?? Padding switch
    {
        Padding.Valid => Padding2D.None,
        Padding.Same => Padding2D.Same(height, width, FilterH, FilterW, StrideH, StrideW, DilationH, DilationW),
        _ when FilterH == 1 => new Padding2D(0, 0, DilationW * (FilterW - 1), 0),
        _ => throw new ShapeException("Padding.Causal is for sequences, which have a direction; images and volumes take Valid or Same."),
    };

    /// <summary>A window over a sequence, which is an image of one row.</summary>
    public static Window Line(int filter, int stride, int dilation, Padding padding) => new(1, filter, 1, stride, 1, dilation, padding, null);

    /// <exception cref="ShapeException">A filter, its steps or its spacing are below 1.</exception>
    private void Check()
    {
        if (Math.Min(Math.Min(Math.Min(FilterH, FilterW), Math.Min(StrideH, StrideW)), Math.Min(DilationH, DilationW)) < 1)
            throw new ShapeException($"a filter of {FilterH}x{FilterW} with steps of {StrideH}x{StrideW} and a spacing of {DilationH}x{DilationW}; take 1 or more of each.");
    }

    /// <summary>[T,C] in, [Q,channels] out: <see cref="Output"/> of an image of one row.</summary>
    public Shape OutputLine(Shape input, int channels) => input.Rank == 2
        ? new Shape(Output(input.Prepend(1), channels)[1], channels)
        : throw new ShapeException($"takes sequences [T,C], not {input}; sequences are [N,T,C].");

    /// <summary>
    /// Extent of the output of a transposed convolution: as many as lead back to the input. An output padding of null gives stride · input (Same), or
    /// what the filters cover, but at least that (Valid); another is added to what the filters cover, which Same cuts by all but its odd one.
    /// </summary>
    public static int TransposedExtent(Padding padding, int input, int filter, int stride, int dilation, int? outputPadding)
    {
        Line(filter, stride, dilation, padding).Check();
        int window = dilation * (filter - 1) + 1;
        return padding switch
        {
            Padding.Same => outputPadding is { } extra ? (input - 1) * stride + window % 2 + extra : input * stride,
            Padding.Valid => (input - 1) * stride + window + (outputPadding ?? Math.Max(stride - window, 0)),
            _ => throw new ShapeException("a transposed convolution takes Padding.Valid or Padding.Same."),
        };
    }

    /// <summary>[H,W,C] in, [P,Q,channels] out: P = (H + padding - dilation (R - 1) - 1) / stride + 1.</summary>
    public Shape Output(Shape input, int channels)
    {
        if (input.Rank != 3)
            throw new ShapeException($"takes images [H,W,C], not {input}; images are [N,H,W,C].");
        Check();
        Padding2D p = Border(input[0], input[1]);
        int h = (input[0] + p.Top + p.Bottom - DilationH * (FilterH - 1) - 1) / StrideH + 1;
        int w = (input[1] + p.Left + p.Right - DilationW * (FilterW - 1) - 1) / StrideW + 1;
        bool fits = input[0] + p.Top + p.Bottom > DilationH * (FilterH - 1) && input[1] + p.Left + p.Right > DilationW * (FilterW - 1);
        return fits ? new Shape(h, w, channels)
            : throw new ShapeException($"a filter of {FilterH}x{FilterW} does not fit into {input}{(p == Padding2D.None ? "" : $" with a border of {p.Top}, {p.Bottom}, {p.Left}, {p.Right} (top, bottom, left, right)")}; use larger images or Padding.Same.");
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

namespace Graft.Ops;

/// <summary>The checks that several shape rules share; each throws a sentence with what was found and what is taken.</summary>
internal static partial class ShapeCheck
{
    public static void Count(string op, ReadOnlySpan<Shape> inputs, int least, int most, string names)
    {
        if (inputs.Length < least || inputs.Length > most)
            throw new ShapeException($"{op}: takes the inputs {names}, but {inputs.Length} were given.");
    }

    public static void Rank(string op, string name, Shape shape, int rank, string letters)
    {
        if (shape.Rank != rank)
            throw new ShapeException($"{op}: {name} has shape {shape} with {shape.Rank} axes; it takes {rank}: {letters}.");
    }

    /// <summary>Axes are there: the last one is what the op works on.</summary>
    public static void HasLastAxis(string op, Shape shape)
    {
        if (shape.Rank == 0)
            throw new ShapeException($"{op}: the input is a single number; it takes at least one axis, the last being the features.");
    }

    public static void Vector(string op, string name, Shape shape, int extent, Shape input)
    {
        if (shape.Rank != 1 || shape[0] != extent)
            throw new ShapeException($"{op}: {name} has shape {shape}, input {input} takes [{extent}]: one number a channel of the last axis.");
    }

    public static void Bias(string op, ReadOnlySpan<Shape> inputs, int outputs)
    {
        if (inputs.Length > 2 && (inputs[2].Rank != 1 || inputs[2][0] != outputs))
            throw new ShapeException($"{op}: bias {inputs[2]} does not fit weight {inputs[1]}, which gives {outputs} outputs; pass [{outputs}].");
    }

    public static void Window(string op, Shape input, int outH, int outW, int filterH, int filterW)
    {
        if (outH < 1 || outW < 1)
        {
            throw new ShapeException(
                $"{op}: the {filterH}x{filterW} window (with its dilation) does not fit image {input} with its padding. "
                + "Images are [N,H,W,C]; use a larger image, more padding or a smaller window.");
        }
    }

    /// <summary>Rows of a tensor seen as [Rows, last axis].</summary>
    public static long Rows(Shape shape)
    {
        long rows = 1; // also where the last axis has none
        foreach (int extent in shape.Dims[..^1])
            rows = checked(rows * extent);
        return rows;
    }
}

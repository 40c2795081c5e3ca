namespace Graft.Ops;

/// <summary>Checks of axes and labels.</summary>
internal static partial class ShapeCheck
{
    /// <summary>An axis counted from the front, in range.</summary>
    public static int Axis(string op, Shape shape, int axis)
    {
        if (axis < -shape.Rank || axis >= shape.Rank)
            throw new ShapeException($"{op}: there is no axis {axis} in {shape}; it has axes 0 to {shape.Rank - 1}, or -{shape.Rank} to -1 from the end.");
        return axis < 0 ? axis + shape.Rank : axis;
    }

    /// <summary>Elements before an axis, and from it on.</summary>
    public static (long Outer, long Inner) Split(Shape shape, int axis)
    {
        long outer = 1, inner = 1;
        for (int i = 0; i < shape.Rank; i++)
        {
            if (i < axis)
                outer *= shape[i];
            else
                inner *= shape[i];
        }
        return (outer, inner);
    }

    /// <summary>Scores [..,K] with labels [..,K] or, sparse, [..] or [..,1]: the loss is [..].</summary>
    public static Shape ClassLoss(string op, Shape scores, Shape labels, bool sparse)
    {
        HasLastAxis(op, scores);
        var rows = new Shape(scores.Dims[..^1]);
        if (!sparse && !labels.Equals(scores))
            throw new ShapeException($"{op}: predictions have shape {scores}, labels {labels}; they must be equal: one label a class. For class indices use sparse.");
        if (sparse && !labels.Equals(rows) && !labels.Equals(new Shape([.. rows.Dims, 1])))
            throw new ShapeException($"{op}: predictions have shape {scores}, labels {labels}; sparse labels take {rows}: one class index a row. For one-hot labels use sparse: false.");
        return rows;
    }
}

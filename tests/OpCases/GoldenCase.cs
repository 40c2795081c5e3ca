using Graft.Ops;

namespace Graft.Tests.OpCases;

/// <summary>A case of op_grads and how it is run here.</summary>
/// <param name="Name">Its name in index.json.</param>
/// <param name="Op">The op here.</param>
/// <param name="Output">How the golden output becomes ours.</param>
/// <param name="Inputs">Our inputs in order.</param>
public sealed record GoldenCase(string Name, Op Op, GoldenLayout Output, params GoldenInput[] Inputs)
{
    public override string ToString() => Name;
}

/// <summary>
/// One input: a golden tensor, or a constant that the golden op does not have.
/// </summary>
/// <param name="Key">Name after "in."; empty for a constant.</param>
/// <param name="Layout">How the golden tensor becomes ours; its gradient likewise.</param>
public sealed record GoldenInput(string Key, GoldenLayout Layout)
{
    /// <summary>True where integers of the golden file enter as floats: class indices.</summary>
    public bool AsFloats { get; init; }

    public float[]? Constant { get; init; }

    public Shape? ConstantShape { get; init; }

    public static implicit operator GoldenInput(string key) => new(key, GoldenLayout.Same);

    public static GoldenInput Fill(int count, float value) =>
        new("", GoldenLayout.Same) { Constant = [.. Enumerable.Repeat(value, count)], ConstantShape = new Shape(count) };
}

/// <summary>A view under another shape, then a permutation of axes. Null leaves as is.</summary>
public sealed record GoldenLayout(int[]? View, int[]? Axes)
{
    public static GoldenLayout Same { get; } = new(null, null);

    /// <summary>[N,C,H,W] to [N,H,W,C].</summary>
    public static GoldenLayout Image { get; } = new(null, [0, 2, 3, 1]);

    /// <summary>[O,I,H,W] to [O,H,W,I].</summary>
    public static GoldenLayout Filter { get; } = new(null, [0, 2, 3, 1]);

    /// <summary>[O,I] to [I,O].</summary>
    public static GoldenLayout Transposed { get; } = new(null, [1, 0]);
}

namespace Graft.Importers.Onnx;

/// <summary>What a name of the file stands for while the graph is built.</summary>
/// <param name="Node">The node that computes it.</param>
/// <param name="Order">Axis i of the file's tensor is axis Order[i] of the node's, the axis of samples among them as 0.</param>
internal sealed record ImportedValue(Node Node, int[] Order)
{
    /// <summary>The image, in its own order, that the file joins to [N,F] from another order than the node's; null where both have one order.</summary>
    public ImportedValue? JoinedFrom { get; init; }

    /// <summary>What the numbers are still to be multiplied by.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>Where <see cref="Node"/> is x: how much of x erf(x / sqrt(2)) has been seen, the beginning of GELU.</summary>
    public ErfPart Erf { get; init; }

    /// <summary>Number of axes, that of samples among them.</summary>
    public int Rank => Order.Length;

    /// <summary>Extents as the file has them; -1 for that of samples.</summary>
    public int[] Dims => [.. Order.Select(a => a == 0 ? ImportedConstant.Samples : Node.Shape[a - 1])];
}

/// <summary>Parts of GELU, x / 2 (1 + erf(x / sqrt(2))), which files have as single nodes.</summary>
internal enum ErfPart
{
    /// <summary>None: the value is the node's.</summary>
    None,

    /// <summary>erf(x / sqrt(2)).</summary>
    Erf,

    /// <summary>1 + erf(x / sqrt(2)).</summary>
    OnePlusErf,
}

/// <summary>Numbers of the file, or computed from such: weights, shapes, axes.</summary>
internal sealed class ImportedConstant
{
    /// <summary>Stands for the number of samples in shapes.</summary>
    public const int Samples = -1;

    private readonly Func<float[]>? _read;
    private float[]? _floats;

    /// <summary>Numbers that are read when they are wanted.</summary>
    public ImportedConstant(int[] dims, Func<float[]> floats) => (Dims, _read) = (dims, floats);

    /// <summary>Whole numbers.</summary>
    public ImportedConstant(int[] dims, long[] integers) => (Dims, Integers) = (dims, integers);

    /// <summary>Extents.</summary>
    public int[] Dims { get; }

    /// <summary>Whole numbers; null for others.</summary>
    public long[]? Integers { get; }

    /// <summary>How many numbers there are.</summary>
    public long Count => Dims.Aggregate(1L, (a, d) => a * d);

    /// <summary>The numbers as float32.</summary>
    public float[] Floats => _floats ??= Integers is null ? _read!() : Array.ConvertAll(Integers, i => (float)i);

    /// <summary>The only number; null where there are several.</summary>
    public float? Single => Count == 1 ? Floats[0] : null;

    /// <summary>The same numbers under another shape.</summary>
    public ImportedConstant WithDims(int[] dims) => Integers is null ? new ImportedConstant(dims, () => Floats) : new ImportedConstant(dims, Integers);
}

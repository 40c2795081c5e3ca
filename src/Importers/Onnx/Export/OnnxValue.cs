namespace Graft.Importers.Onnx;

/// <summary>A tensor of the model in the graph: in the order of axes in which it was made, and in those that were asked for since.</summary>
/// <param name="name">Its name in the graph.</param>
/// <param name="order">Axis i there is axis order[i] of the model's tensor.</param>
internal sealed class OnnxValue(string name, int[] order)
{
    private readonly List<(int[] Order, string Name)> _others = [];

    /// <summary>Its name as it was made.</summary>
    public string Name { get; } = name;

    /// <summary>The order of axes in which it was made.</summary>
    public int[] Order { get; } = order;

    /// <summary>True where the numbers are int64: indices that came in.</summary>
    public bool IsInteger { get; init; }

    /// <summary>True where no number is below 0.</summary>
    public bool IsNonNegative { get; init; }

    /// <summary>Order of the features where a tensor [N,F] is an image whose axes were joined in another order: row i is feature rows[i] of the model's; else null.</summary>
    public (Shape Features, int[] Order)? Joined { get; init; }

    /// <summary>Zeros that the convolution behind it still has to put around it.</summary>
    public Kernels.Padding2D Border { get; init; }

    /// <summary>Its name in an order in which it is there already; null where it is not.</summary>
    public string? In(int[] wanted)
    {
        if (Order.AsSpan().SequenceEqual(wanted))
            return Name;
        return _others.Find(o => o.Order.AsSpan().SequenceEqual(wanted)).Name;
    }

    /// <summary>Notes that it is there in another order too.</summary>
    public void Add(int[] other, string itsName) => _others.Add((other, itsName));
}

namespace Graft.Models;

/// <summary>What stands behind a base without its classifier, as Keras's applications have it.</summary>
public enum Pooling
{
    /// <summary>Nothing: the last feature map [H,W,C].</summary>
    None,

    /// <summary>Global average: [C].</summary>
    Average,

    /// <summary>Global maximum: [C].</summary>
    Max,
}

/// <summary>Applies a <see cref="Pooling"/>.</summary>
internal static class PoolingExtensions
{
    public static Node Apply(this Pooling pooling, Node x, string average, string max) => pooling switch
    {
        Pooling.Average => new Layers.GlobalAveragePooling2D { Name = average }.Apply(x),
        Pooling.Max => new Layers.GlobalMaxPooling2D { Name = max }.Apply(x),
        _ => x,
    };
}

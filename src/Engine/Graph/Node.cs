using Graft.Layers;

namespace Graft;

/// <summary>A place in a graph: one use of a layer, with the nodes that it reads.</summary>
public sealed class Node
{
    internal Node(Layer layer, Node[] inputs, Shape shape)
    {
        Layer = layer;
        Inputs = inputs;
        Shape = shape;
    }

    /// <summary>The layer used here; a layer may be used at several nodes.</summary>
    public Layer Layer { get; }

    /// <summary>The nodes read, in the layer's order.</summary>
    public IReadOnlyList<Node> Inputs { get; }

    /// <summary>Shape of the result without the batch axis.</summary>
    public Shape Shape { get; }

    /// <summary>All results of this use of the layer.</summary>
    public IReadOnlyList<Node> Outputs => [this];

    /// <summary>A place where a model's input enters: shape without the batch axis, [H,W,C].</summary>
    public static Node Input(Shape shape, string name = "") => new(new InputLayer(shape) { Name = name }, [], shape);

    /// <inheritdoc/>
    public override string ToString() => $"{Layer} {Shape}";
}

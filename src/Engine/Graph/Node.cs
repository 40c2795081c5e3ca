using Graft.Layers;

namespace Graft;

/// <summary>A place in a graph: one result of one use of a layer, with the nodes that the layer reads.</summary>
public sealed class Node
{
    private readonly Node[] _outputs;

    internal Node(Layer layer, Node[] inputs, params ReadOnlySpan<Shape> shapes)
    {
        Layer = layer;
        Inputs = inputs;
        Shape = shapes[0];
        First = this;
        _outputs = new Node[shapes.Length];
        _outputs[0] = this;
        for (int i = 1; i < shapes.Length; i++)
            _outputs[i] = new Node(this, i, shapes[i]);
    }

    private Node(Node first, int index, Shape shape)
    {
        Layer = first.Layer;
        Inputs = first.Inputs;
        Shape = shape;
        First = first;
        Index = index;
        _outputs = first._outputs;
    }

    /// <summary>The layer used here; a layer may be used at several nodes.</summary>
    public Layer Layer { get; }

    /// <summary>The nodes read, in the layer's order.</summary>
    public IReadOnlyList<Node> Inputs { get; }

    /// <summary>Shape of the result without the batch axis.</summary>
    public Shape Shape { get; }

    /// <summary>All results of this use of the layer: the output, and behind it the states of a recurrent layer or the weights of an attention that returns them.</summary>
    public IReadOnlyList<Node> Outputs => _outputs;

    /// <summary>Place among <see cref="Outputs"/>.</summary>
    public int Index { get; }

    /// <summary>The node of the first result: it stands for the use of the layer.</summary>
    internal Node First { get; }

    /// <summary>A place where a model's input enters: shape without the batch axis, [H,W,C].</summary>
    public static Node Input(Shape shape, string name = "") => new(new InputLayer(shape) { Name = name }, [], shape);

    /// <inheritdoc/>
    public override string ToString() => $"{Layer} {Shape}";
}

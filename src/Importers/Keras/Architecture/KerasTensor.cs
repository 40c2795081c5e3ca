using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <summary>A tensor of the file in this engine's graph.</summary>
/// <param name="Node">Where it is computed.</param>
/// <param name="IsMoved">True where the file has [N,C,..] and the node has [N,..,C]: the channels were moved to the end, where this engine's layers want them.</param>
internal readonly record struct KerasTensor(Node Node, bool IsMoved = false)
{
    /// <summary>Shape without the batch axis, as the file has it.</summary>
    public Shape Shape => IsMoved ? new Shape([Node.Shape[-1], .. Node.Shape.Dims[..^1]]) : Node.Shape;
}

/// <summary>Moves channels to the end and back, no oftener than is needed: neighbours that both want them there hand them on.</summary>
/// <param name="free">Makes a name of the given beginning that no layer has yet.</param>
internal sealed class ChannelMoves(Func<string, string> free)
{
    private readonly Dictionary<Node, Node> _moved = [], _plain = [];

    /// <summary>The tensor as the file has it.</summary>
    public Node Plain(KerasTensor tensor)
    {
        if (!tensor.IsMoved)
            return tensor.Node;
        if (!_plain.TryGetValue(tensor.Node, out Node? plain))
        {
            int rank = tensor.Node.Shape.Rank;
            _plain[tensor.Node] = plain = Permuted(tensor.Node, [rank, .. Enumerable.Range(1, rank - 1)], "channels_first");
            _moved[plain] = tensor.Node;
        }
        return plain;
    }

    /// <summary>The tensor with the file's channels, axis 1, at the end.</summary>
    public Node Moved(KerasTensor tensor)
    {
        if (tensor.IsMoved || tensor.Node.Shape.Rank < 2) // a row of channels alone has them at the end
            return tensor.Node;
        if (!_moved.TryGetValue(tensor.Node, out Node? moved))
        {
            _moved[tensor.Node] = moved = Permuted(tensor.Node, [.. Enumerable.Range(2, tensor.Node.Shape.Rank - 1), 1], "channels_last");
            _plain[moved] = tensor.Node;
        }
        return moved;
    }

    private Node Permuted(Node node, int[] axes, string what) => new Permute(axes) { Name = free($"{node.Layer.Name}/{what}".TrimStart('/')) }.Apply(node);
}

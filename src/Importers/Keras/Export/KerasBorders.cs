using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>
/// Borders that are given by numbers, as PyTorch and ONNX have them, in the two ways that Keras has: "same", where that gives the same rows and columns, or a
/// ZeroPadding2D in front, as Keras's own ResNets are built. The layers are the model's own, and so are their weights; nothing is copied.
/// </summary>
internal sealed class KerasBorders
{
    private readonly Dictionary<Layer, Padding?> _ways = []; // null: none, or another one for each size of its images
    private readonly Dictionary<Layer, ZeroPadding2D> _pads = [];
    private readonly Dictionary<Model, Model> _models = [];

    /// <summary>Whether Keras's layer gets "same" or "valid" in place of the border; null where neither does.</summary>
    public Padding? WayOf(Layer layer) => _ways.GetValueOrDefault(layer);

    /// <summary>The model with its borders set apart; itself where it has none of its own.</summary>
    public Model SetApart(Model model)
    {
        if (_models.TryGetValue(model, out Model? known))
            return known;
        var nodes = new Dictionary<Node, Node>();
        bool isChanged = false;
        foreach (Node node in model.Nodes)
        {
            Node[] inputs = [.. node.Inputs.Select(i => nodes[i.First].Outputs[i.Index])];
            Layer layer = node.Layer is Model inner ? SetApart(inner) : node.Layer;
            if (Border(node) is { } border)
                inputs = Apart(model, node, border, inputs);
            bool isSame = layer == node.Layer && inputs.AsSpan().SequenceEqual(node.Inputs.ToArray());
            isChanged |= !isSame;
            nodes[node] = isSame ? node : new Node(layer, inputs, [.. node.Outputs.Select(o => o.Shape)]);
        }
        Node[] outputs = [.. model.Outputs.Select(o => nodes[o.First].Outputs[o.Index])];
        return _models[model] = isChanged ? model.WithNodes(outputs) : model;
    }

    private static Padding2D? Border(Node node) => node.Layer switch
    {
        BorderedConvolution2D c => c.ExplicitPadding,
        Pooling2D p => p.ExplicitPadding,
        _ => null,
    };

    /// <summary>Notes down what Keras's layer gets, and puts zeros in front of it where it is to have them. Where it cannot be had, the writer refuses the layer.</summary>
    private Node[] Apart(Model model, Node node, Padding2D border, Node[] inputs)
    {
        Padding? way = border == Padding2D.None ? Padding.Valid : border == Same(node) ? Padding.Same : null;
        if (way is null && (node.Layer is BorderedConvolution2D || (node.Layer is MaxPooling2D && IsNeverNegative(node.Inputs[0]))))
            way = Padding.Valid;
        if (_ways.TryGetValue(node.Layer, out Padding? before) && before != way)
            way = null;
        _ways[node.Layer] = way;
        if (way != Padding.Valid || border == Padding2D.None)
            return inputs;
        if (!_pads.TryGetValue(node.Layer, out ZeroPadding2D? pad))
            _pads[node.Layer] = pad = new ZeroPadding2D(border) { Name = FreeName(model, $"{node.Layer.Name}_pad"), Trainable = node.Layer.Trainable };
        return [pad.Apply(inputs[0])];
    }

    private static Padding2D Same(Node node)
    {
        Shape x = node.Inputs[0].Shape;
        (int Height, int Width) filter = node.Layer is Pooling2D p ? p.PoolSize : ((BorderedConvolution2D)node.Layer).FilterSize;
        (int Height, int Width) strides = node.Layer is Pooling2D q ? q.Strides : ((BorderedConvolution2D)node.Layer).Strides;
        (int Height, int Width) dilation = node.Layer is BorderedConvolution2D c ? c.Dilation : (1, 1);
        return Padding2D.Same(x[0], x[1], filter.Height, filter.Width, strides.Height, strides.Width, dilation.Height, dilation.Width);
    }

    /// <summary>True where zeros around a pool's input never win: a maximum then is what it is without them.</summary>
    private static bool IsNeverNegative(Node node) => node.Layer is ReLU { NegativeSlope: 0 } or ActivationLayer { Activation: Activation.ReLU } or Convolution { Activation: Activation.ReLU };

    private static string FreeName(Model model, string name)
    {
        string free = name;
        for (int n = 1; model.Layers.Any(l => l.Name == free); n++)
            free = $"{name}_{n}";
        return free;
    }
}

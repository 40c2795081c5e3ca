using Graft.Kernels;
using Graft.Layers;

namespace Graft.Bench.Onnx;

/// <summary>Writes a model with its weights as ONNX, for its peers: images in planes, [N,C,H,W], and a fixed batch.</summary>
/// <remarks>
/// Knows the layers of VGG and ResNet bases and says so where a model has others. Zero padding is merged into the window behind it, the
/// form in which exporters of PyTorch write these networks and which a runtime computes fastest.
/// </remarks>
internal sealed class OnnxExport
{
    private readonly OnnxGraph _graph = new();
    private readonly Dictionary<Node, Value> _values = [];
    private readonly int _batch;

    private OnnxExport(int batch) => _batch = batch;

    /// <summary>A result in the ONNX graph, with the zeros that the next window still has to put around it.</summary>
    private readonly record struct Value(string Name, Padding2D Border = default, bool IsNonNegative = false);

    /// <summary>The model file for batches of one size.</summary>
    /// <exception cref="GraftException">The model has several inputs or outputs, or a layer that is not written here.</exception>
    public static byte[] Write(Model model, int batch)
    {
        if (model.Inputs.Count != 1 || model.Outputs.Count != 1)
            throw new GraftException($"ONNX export: model '{model.Name}' has {model.Inputs.Count} inputs and {model.Outputs.Count} outputs; one of each is written here.");
        var export = new OnnxExport(batch);
        foreach (Node node in model.Nodes)
            export._values[node] = export.Add(node, $"{export._values.Count}_{node.Layer.Name}");
        Node output = model.Outputs[0];
        export._graph.Output(export.Plain(output), Planes.Of(output.Shape.Prepend(batch)));
        return export._graph.ToModel();
    }

    private Value Add(Node node, string name)
    {
        switch (node.Layer)
        {
            case InputLayer:
                _graph.Input(name, Planes.Of(node.Shape.Prepend(_batch)));
                return new Value(name);
            case ZeroPadding2D padding:
                Value inner = _values[node.Inputs[0]];
                return inner with { Border = Sum(inner.Border, padding.Border) };
            case Conv2D conv:
                return Convolution(node, conv, name);
            case BatchNormalization norm:
                return Normalization(node, norm, name);
            case MaxPooling2D pool:
                return MaxPooling(node, pool, name);
            case ReLU:
                return Activate(Activation.ReLU, Plain(node.Inputs[0]), name);
            case ActivationLayer layer:
                return Activate(layer.Activation, Plain(node.Inputs[0]), name);
            case Layers.Add:
                return new Value(_graph.Node(node.Inputs.Count == 2 ? "Add" : "Sum", [.. node.Inputs.Select(Plain)], name));
            case GlobalAveragePooling2D:
                string pooled = _graph.Node("GlobalAveragePool", [Plain(node.Inputs[0])], $"{name}/pool"); // [N,C,H,W] -> [N,C,1,1]
                return new Value(_graph.Node("Flatten", [pooled], name)); // -> [N,C]
            default:
                throw new GraftException($"ONNX export: {node.Layer} is not written here; add it to {nameof(OnnxExport)}.");
        }
    }

    private Value Convolution(Node node, Conv2D conv, string name)
    {
        Node input = node.Inputs[0];
        (string x, Padding2D outside, _) = _values[input];
        Parameter kernel = conv.Parameters[0];
        Shape planes = Planes.Of(kernel.Shape); // [O,R,S,I] -> [O,I,R,S]
        List<string> inputs = [x, _graph.Initializer($"{conv.Name}/kernel", planes, Planes.FromPixels(kernel.Value.ToArray(), kernel.Shape))];
        if (conv.UseBias)
            inputs.Add(Write(conv, conv.Parameters[1]));
        Padding2D own = Border(conv.Padding, conv.ExplicitPadding, input.Shape, conv.FilterSize, conv.Strides, conv.Dilation);
        string y = _graph.Node("Conv", [.. inputs], conv.Activation == Activation.Linear ? name : $"{name}/linear",
            OnnxGraph.Attribute("kernel_shape", conv.FilterSize.Height, conv.FilterSize.Width),
            OnnxGraph.Attribute("strides", conv.Strides.Height, conv.Strides.Width),
            OnnxGraph.Attribute("dilations", conv.Dilation.Height, conv.Dilation.Width),
            OnnxGraph.Attribute("group", conv.Groups),
            Pads(Sum(outside, own)));
        return Activate(conv.Activation, y, name);
    }

    private Value Normalization(Node node, BatchNormalization norm, string name)
    {
        if (!norm.Scale || !norm.Center)
            throw new GraftException($"ONNX export: {norm} has no gamma or no beta; only the full form is written here.");
        string[] inputs = [Plain(node.Inputs[0]), .. norm.Parameters.Select(p => Write(norm, p))]; // gamma, beta, mean, variance: ONNX's order as well
        return new Value(_graph.Node("BatchNormalization", inputs, name, OnnxGraph.Attribute("epsilon", norm.Epsilon)));
    }

    private Value MaxPooling(Node node, MaxPooling2D pool, string name)
    {
        Node input = node.Inputs[0];
        (string x, Padding2D outside, bool isNonNegative) = _values[input];
        // ONNX's padding never wins a maximum; a written zero does, unless nothing in the image is below it.
        if (outside != Padding2D.None && !isNonNegative)
            throw new GraftException($"ONNX export: {pool} follows zero padding of numbers that may be negative; merged, the padding would lose its zeros.");
        Padding2D own = Border(pool.Padding, pool.ExplicitPadding, input.Shape, pool.PoolSize, pool.Strides, (1, 1));
        string y = _graph.Node("MaxPool", [x], name,
            OnnxGraph.Attribute("kernel_shape", pool.PoolSize.Height, pool.PoolSize.Width),
            OnnxGraph.Attribute("strides", pool.Strides.Height, pool.Strides.Width),
            Pads(Sum(outside, own)));
        return new Value(y, IsNonNegative: isNonNegative);
    }

    private Value Activate(Activation activation, string x, string name) => activation switch
    {
        Activation.Linear => new Value(x),
        Activation.ReLU => new Value(_graph.Node("Relu", [x], name), IsNonNegative: true),
        Activation.Sigmoid => new Value(_graph.Node("Sigmoid", [x], name), IsNonNegative: true),
        Activation.Tanh => new Value(_graph.Node("Tanh", [x], name)),
        _ => throw new GraftException($"ONNX export: activation {activation} of '{name}' is not written here; add it to {nameof(OnnxExport)}."),
    };

    /// <summary>The name of a result that its reader takes without padding.</summary>
    private string Plain(Node node) => _values[node].Border == Padding2D.None ? _values[node].Name
        : throw new GraftException($"ONNX export: {node.Layer} is read by something else than a convolution or a maximum; its zeros cannot be merged.");

    private string Write(Layer layer, Parameter parameter) => _graph.Initializer($"{layer.Name}/{parameter.Name}", parameter.Shape, parameter.Value.ToArray());

    private static ProtoMessage Pads(Padding2D p) => OnnxGraph.Attribute("pads", p.Top, p.Left, p.Bottom, p.Right);

    private static Padding2D Sum(Padding2D a, Padding2D b) => new(a.Top + b.Top, a.Bottom + b.Bottom, a.Left + b.Left, a.Right + b.Right);

    private static Padding2D Border(Padding rule, Padding2D? numbers, Shape image, (int H, int W) filter, (int H, int W) stride, (int H, int W) dilation) =>
        numbers ?? (rule == Padding.Valid ? Padding2D.None
            : Padding2D.Same(image[0], image[1], filter.H, filter.W, stride.H, stride.W, dilation.H, dilation.W));
}

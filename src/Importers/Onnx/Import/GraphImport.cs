using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <summary>Builds a layer graph of the nodes of a file, one after the other.</summary>
internal sealed partial class GraphImport
{
    private readonly OnnxModelFile _file;
    private readonly Dictionary<string, ImportedValue> _values = [];
    private readonly Dictionary<string, ImportedConstant> _constants = [];
    private readonly Dictionary<string, List<OnnxModelNode>> _readers = [];
    private readonly Dictionary<(Node Node, string Order), Node> _turned = [];
    private readonly HashSet<string> _names = [];
    private readonly HashSet<OnnxModelNode> _merged = []; // into the layer of another node
    private readonly List<Layer> _layers = [];
    private OnnxModelNode _node = new();

    public GraphImport(OnnxModelFile file)
    {
        _file = file;
        foreach (OnnxTensor tensor in file.Tensors)
            _constants[tensor.Name] = Constant(tensor);
        foreach (OnnxModelNode node in file.Nodes)
        {
            foreach (string input in node.Inputs.Distinct())
            {
                if (!_readers.TryGetValue(input, out List<OnnxModelNode>? readers))
                    _readers[input] = readers = [];
                readers.Add(node);
            }
        }
    }

    /// <summary>The model for inputs of these shapes, without the axis of samples.</summary>
    public Model Build((string Name, Shape Shape)[] inputs)
    {
        var nodes = new List<Node>();
        foreach ((string name, Shape shape) in inputs)
        {
            nodes.Add(Node.Input(shape, Free(LayerName(name, ""))));
            _values[name] = new ImportedValue(nodes[^1], OnnxAxes.Identity(shape.Rank + 1));
        }
        HashSet<OnnxModelNode> wanted = Wanted();
        foreach (OnnxModelNode node in _file.Nodes)
        {
            if (!wanted.Contains(node) || _merged.Contains(node))
                continue;
            _node = node;
            if (!TryFold())
                Add();
        }
        return new Model(nodes, _file.Outputs.Select(Output), Path.GetFileNameWithoutExtension(_file.FilePath));
    }

    /// <summary>Gives the weights back of a graph that came to nothing.</summary>
    public void Release()
    {
        foreach (Parameter parameter in _layers.SelectMany(l => l.Parameters))
            parameter.Release();
    }

    private Node Output(OnnxValueInfo output)
    {
        _node = _file.Nodes.Find(n => n.Outputs.Contains(output.Name)) ?? _node;
        return _values.TryGetValue(output.Name, out ImportedValue? value) ? As(value, OnnxAxes.Identity(value.Rank))
            : throw new GraftException($"{_file.FilePath}: its output '{output.Name}' is {(_constants.ContainsKey(output.Name) ? "a constant" : "made by no node")}; a model computes its outputs from its inputs.");
    }

    private HashSet<OnnxModelNode> Wanted()
    {
        HashSet<string> names = [.. _file.Outputs.Select(o => o.Name)];
        HashSet<OnnxModelNode> wanted = [];
        for (int i = _file.Nodes.Count - 1; i >= 0; i--)
        {
            if (!_file.Nodes[i].Outputs.Any(o => o.Length > 0 && names.Contains(o)))
                continue;
            wanted.Add(_file.Nodes[i]);
            names.UnionWith(_file.Nodes[i].Inputs);
        }
        return wanted;
    }

    private ImportedConstant Constant(OnnxTensor tensor)
    {
        tensor.Check(_file.FilePath);
        int[] dims = [.. tensor.Shape];
        return tensor.IsFloat ? new ImportedConstant(dims, () => tensor.ReadFloats(_file.FilePath)) : new ImportedConstant(dims, tensor.ReadIntegers(_file.FilePath));
    }

    private void Add()
    {
        if (_node.Domain is not ("" or "ai.onnx"))
            throw Refuse($"is an operator of {_node.Domain}, and those of ONNX itself are known here");
        if (!Operators.TryGetValue(_node.Op, out Action<GraphImport>? add))
            throw Refuse($"is not known here; known are {string.Join(", ", Operators.Keys.Concat(Foldable.Keys).Distinct().Order(StringComparer.Ordinal))}");
        try
        {
            add(this);
        }
        catch (ShapeException e)
        {
            throw new GraftException($"{Place}: {e.Message}", e);
        }
    }

    private string Place => $"{_file.FilePath}: node '{_node.Name}' ({_node.Op})";

    private GraftException Refuse(string reason) => new($"{Place}: {reason}.");

    // ----- What nodes read and make -----

    /// <summary>True where an input is given.</summary>
    private bool Has(int input) => input < _node.Inputs.Count && _node.Inputs[input].Length > 0;

    private ImportedConstant? ConstantAt(int input) => Has(input) ? _constants.GetValueOrDefault(_node.Inputs[input]) : null;

    private ImportedConstant Weights(int input, string what) =>
        ConstantAt(input) ?? throw Refuse($"takes its {what} from '{(Has(input) ? _node.Inputs[input] : "nothing")}', which is computed; weights of layers are numbers of the file");

    private ImportedValue ValueAt(int input) => Has(input) && _values.TryGetValue(_node.Inputs[input], out ImportedValue? value) ? value
        : throw Refuse(Has(input) && _constants.ContainsKey(_node.Inputs[input]) ? $"takes the constant '{_node.Inputs[input]}' where a layer takes what is computed" : $"reads '{(Has(input) ? _node.Inputs[input] : "nothing")}', which no node before it makes");

    private void Set(ImportedValue value, int output = 0)
    {
        if (output < _node.Outputs.Count && _node.Outputs[output].Length > 0)
            _values[_node.Outputs[output]] = value;
    }

    /// <summary>Refuses what is made beside the first output, where somebody reads it.</summary>
    private void OneOutput()
    {
        if (_node.Outputs.Skip(1).Any(o => o.Length > 0 && (_readers.ContainsKey(o) || _file.Outputs.Exists(f => f.Name == o))))
            throw Refuse("more than its first output is read, which is not supported");
    }

    private long Integer(string name, long otherwise) => _node.Attribute(name)?.Integer ?? otherwise;

    private float Float(string name, float otherwise) => _node.Attribute(name)?.Float ?? otherwise;

    private string Text(string name, string otherwise) => _node.Attribute(name)?.Text ?? otherwise;

    private long[]? Integers(string name) => _node.Attribute(name)?.Integers.ToArray();

    /// <summary>Whole numbers from an attribute, or from an input in newer operator sets.</summary>
    private long[]? Integers(string attribute, int input) => Has(input) ? Weights(input, attribute).Integers ?? throw Refuse($"takes {attribute} as whole numbers") : Integers(attribute);

    private int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw Refuse($"names axis {axis} of a tensor with {rank} axes");

    // ----- Layers -----

    private string Free(string wish)
    {
        string name = wish;
        for (int i = 1; !_names.Add(name); i++)
            name = $"{wish}_{i}";
        return name;
    }

    /// <summary>"/layer1/conv/Conv" to "layer1.conv".</summary>
    private static string LayerName(string name, string op)
    {
        name = name.Trim('/');
        if (name.EndsWith($"/{op}", StringComparison.Ordinal))
            name = name[..^(op.Length + 1)];
        return name.Length == 0 ? op : name.Replace('/', '.').Replace(':', '_');
    }

    /// <summary>Puts a layer into the graph, named after the node at work.</summary>
    private Node Apply(Layer layer, params ReadOnlySpan<Node> inputs) => Apply(layer, LayerName(_node.Name, _node.Op), inputs);

    /// <summary>Puts a layer into the graph that stands beside the one of the node: "conv.zeropadding2d".</summary>
    private Node Aid(Layer layer, params ReadOnlySpan<Node> inputs) => Apply(layer, $"{LayerName(_node.Name, _node.Op)}.{layer.ClassName.ToLowerInvariant()}", inputs);

    private Node Apply(Layer layer, string name, ReadOnlySpan<Node> inputs)
    {
        layer.Name = Free(name);
        _layers.Add(layer);
        return layer.Apply(inputs);
    }

    private void Fill(Layer layer, string parameter, float[] values)
    {
        Parameter found = layer.Parameters.Single(p => p.Name == parameter);
        if (found.Shape.Count != values.Length)
            throw Refuse($"has {values.Length} numbers for the {parameter} of {layer}, which takes {found.Shape}");
        found.Set(values);
    }

    /// <summary>The node of a value whose axes are in an order; a layer exchanges them where they are not.</summary>
    private Node As(ImportedValue value, int[] order)
    {
        value = Plain(value);
        if (value.Order.AsSpan().SequenceEqual(order))
            return value.Node;
        int[] axes = OnnxAxes.Between(order, OnnxAxes.Identity(order.Length)); // axis a of what is wanted lies at axes[a] of the file's tensor
        axes = Array.ConvertAll(axes, at => value.Order[at]);
        if (axes[0] != 0)
            throw Refuse("moves the axis of samples to another place, which a layer cannot");
        if (OnnxAxes.IsIdentity(axes))
            return value.Node;
        (Node, string) key = (value.Node, string.Join(',', axes));
        if (!_turned.TryGetValue(key, out Node? turned))
            _turned[key] = turned = Aid(new Permute(axes[1..]), value.Node);
        return turned;
    }

    /// <summary>A value whose numbers are those of its node.</summary>
    private ImportedValue Plain(ImportedValue value)
    {
        if (value.Erf != ErfPart.None)
            throw Refuse("reads a part of GELU, x / 2 (1 + erf(x / sqrt(2))); erf is known in the whole of it alone");
        if (value.JoinedFrom is { } image)
            value = new ImportedValue(Aid(new Flatten(), As(image, OnnxAxes.Identity(image.Rank))), [0, 1]) { Factor = value.Factor };
        return value.Factor == 1 ? value : new ImportedValue(Aid(new Rescaling(value.Factor), value.Node), value.Order);
    }

    /// <summary>The node of an image, volume or sequence with its channels last.</summary>
    private Node Places(ImportedValue value) => As(value, OnnxAxes.ChannelsFirst(value.Rank));

    private void SetPlaces(Node node) => Set(new ImportedValue(node, OnnxAxes.ChannelsFirst(node.Shape.Rank + 1)));

    /// <summary>Adds a layer that looks at each number alone: the order of axes stays.</summary>
    private void Each(Layer layer)
    {
        ImportedValue x = Plain(ValueAt(0));
        Set(x with { Node = Apply(layer, x.Node) });
    }
}

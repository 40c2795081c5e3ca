using System.Globalization;

namespace Graft.Importers.Onnx;

/// <summary>A node of a graph that is being written.</summary>
/// <param name="Op">The operator.</param>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Inputs">What it reads; "" for an optional input that is left out.</param>
/// <param name="Outputs">What it makes.</param>
/// <param name="Attributes">AttributeProto messages.</param>
internal sealed record OnnxNode(string Op, string Name, string[] Inputs, string[] Outputs, ProtoMessage[] Attributes)
{
    /// <summary>Names from the graph around it that a subgraph of it reads.</summary>
    public string[] Captured { get; init; } = [];
}

/// <summary>Numbers that are part of a graph.</summary>
/// <param name="Name">Their name.</param>
/// <param name="Shape">Their shape.</param>
/// <param name="Type">Float or Int64.</param>
/// <param name="Floats">float32 numbers, asked for when they are written; null for integers.</param>
/// <param name="Integers">int64 numbers.</param>
internal sealed record OnnxInitializer(string Name, Shape Shape, OnnxType Type, Func<float[]>? Floats, long[] Integers)
{
    public long Bytes => Shape.Count * (Type == OnnxType.Float ? sizeof(float) : sizeof(long));
}

/// <summary>An ONNX graph in the making. Field numbers are those of the ONNX specification, onnx.proto.</summary>
/// <param name="prefix">What names of constants begin with: a subgraph hides no name of the graph around it.</param>
internal sealed class OnnxGraph(string prefix = "")
{
    private const int AttributeFloat = 1, AttributeInt = 2, AttributeText = 3, AttributeGraph = 5, AttributeFloats = 6, AttributeInts = 7, AttributeTexts = 8; // AttributeProto.AttributeType

    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, OnnxInitializer> _initializers = [];

    /// <summary>Nodes, each behind those it reads.</summary>
    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>Inputs: name, type, extents ("batch", "3").</summary>
    public List<(string Name, OnnxType Type, string[] Dims)> Inputs { get; } = [];

    /// <summary>Outputs, likewise; null for extents that nobody has worked out.</summary>
    public List<(string Name, OnnxType Type, string[]? Dims)> Outputs { get; } = [];

    /// <summary>A name that nothing in the graph has yet: the wish, or the wish with a number.</summary>
    public string Free(string wish)
    {
        string name = wish;
        for (int i = 1; !_names.Add(name); i++)
            name = $"{wish}_{i.ToString(CultureInfo.InvariantCulture)}";
        return name;
    }

    /// <summary>Float numbers under a free name; the same name with the same numbers is written once by the caller's care.</summary>
    public string Floats(string name, Shape shape, Func<float[]> values)
    {
        name = Free(name);
        _initializers[name] = new OnnxInitializer(name, shape, OnnxType.Float, values, []);
        return name;
    }

    /// <summary>A number, which the whole graph shares.</summary>
    public string Scalar(float value)
    {
        string name = $"{prefix}constant/{value.ToString("R", CultureInfo.InvariantCulture)}";
        if (_names.Add(name))
            _initializers[name] = new OnnxInitializer(name, new Shape(), OnnxType.Float, () => [value], []);
        return name;
    }

    /// <summary>A list of whole numbers, which the whole graph shares: axes, shapes.</summary>
    public string Integers(params ReadOnlySpan<long> values)
    {
        string name = $"{prefix}constant/[{string.Join(',', values.ToArray())}]";
        if (_names.Add(name))
            _initializers[name] = new OnnxInitializer(name, new Shape(values.Length), OnnxType.Int64, null, values.ToArray());
        return name;
    }

    /// <summary>A whole number without an axis.</summary>
    public string Integer(long value)
    {
        string name = $"{prefix}constant/{value.ToString(CultureInfo.InvariantCulture)}i";
        if (_names.Add(name))
            _initializers[name] = new OnnxInitializer(name, new Shape(), OnnxType.Int64, null, [value]);
        return name;
    }

    /// <summary>Numbers of a name; null where it is computed or comes in.</summary>
    public OnnxInitializer? Initializer(string name) => _initializers.GetValueOrDefault(name);

    /// <summary>Adds a node with one output and returns the name of that.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="name">Wish for the name of node and output.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="attributes">Its attributes.</param>
    public string Node(string op, string name, string[] inputs, params ReadOnlySpan<ProtoMessage> attributes)
    {
        name = Free(name);
        Nodes.Add(new OnnxNode(op, name, inputs, [name], attributes.ToArray()));
        return name;
    }

    /// <summary>Adds a node with outputs of given names; "" for those that are not wanted.</summary>
    public void Node(string op, string name, string[] inputs, string[] outputs, params ReadOnlySpan<ProtoMessage> attributes) =>
        Nodes.Add(new OnnxNode(op, Free(name), inputs, outputs, attributes.ToArray()));

    /// <summary>Gives a computed value another name, everywhere.</summary>
    public void Rename(string from, string to)
    {
        foreach (OnnxNode node in Nodes)
        {
            Array.ForEach(new[] { node.Inputs, node.Outputs, node.Captured }, names => names.AsSpan().Replace(from, to));
        }
    }

    /// <summary>Drops nodes whose outputs nobody reads.</summary>
    public void DropUnread()
    {
        HashSet<string> read = [.. Outputs.Select(o => o.Name)];
        for (int i = Nodes.Count - 1; i >= 0; i--)
        {
            OnnxNode node = Nodes[i];
            if (!node.Outputs.Any(read.Contains))
                Nodes.RemoveAt(i);
            else
                read.UnionWith(node.Inputs.Concat(node.Captured));
        }
    }

    /// <summary>The numbers that nodes read or that go out, each once.</summary>
    public IReadOnlyList<OnnxInitializer> ReadInitializers() =>
        [.. Nodes.SelectMany(n => n.Inputs.Concat(n.Captured)).Concat(Outputs.Select(o => o.Name)).Distinct().Select(Initializer).OfType<OnnxInitializer>()];

    public static ProtoMessage Attribute(string name, float value) => Named(name, AttributeFloat).Float(2, value);

    public static ProtoMessage Attribute(string name, long value) => Named(name, AttributeInt).Number(3, value);

    public static ProtoMessage Attribute(string name, string value) => Named(name, AttributeText).Text(4, value);

    public static ProtoMessage Attribute(string name, params ReadOnlySpan<long> values) => Named(name, AttributeInts).Number(8, values);

    public static ProtoMessage Attribute(string name, OnnxGraph graph) => Named(name, AttributeGraph).Message(6, graph.ToMessage(name, graph.ReadInitializers().Select(i => OnnxModelWriter.Tensor(i))));

    public static ProtoMessage FloatsAttribute(string name, params ReadOnlySpan<float> values) => Named(name, AttributeFloats).Float(7, values);

    public static ProtoMessage TextsAttribute(string name, params ReadOnlySpan<string> values) => Named(name, AttributeTexts).Text(9, values);

    /// <summary>GraphProto: node 1, name 2, initializer 5, input 11, output 12.</summary>
    public ProtoMessage ToMessage(string name, IEnumerable<ProtoMessage> initializers)
    {
        var graph = new ProtoMessage();
        foreach (OnnxNode node in Nodes)
            graph.Message(1, Message(node));
        graph.Text(2, name);
        foreach (ProtoMessage tensor in initializers)
            graph.Message(5, tensor);
        Inputs.ForEach(i => graph.Message(11, ValueInfo(i)));
        Outputs.ForEach(o => graph.Message(12, ValueInfo(o)));
        return graph;
    }

    private static ProtoMessage Named(string name, int type) => new ProtoMessage().Text(1, name).Number(20, type);

    // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
    private static ProtoMessage Message(OnnxNode node)
    {
        ProtoMessage message = new ProtoMessage().Text(1, node.Inputs).Text(2, node.Outputs).Text(3, node.Name).Text(4, node.Op);
        Array.ForEach(node.Attributes, a => message.Message(5, a));
        return message;
    }

    // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; its elem_type 1, shape 2; TensorShapeProto: dim 1; its dim_value 1, dim_param 2.
    private static ProtoMessage ValueInfo((string Name, OnnxType Type, string[]? Dims) value)
    {
        var dims = new ProtoMessage();
        foreach (string dim in value.Dims ?? [])
            dims.Message(1, int.TryParse(dim, CultureInfo.InvariantCulture, out int number) ? new ProtoMessage().Number(1, number) : new ProtoMessage().Text(2, dim));
        ProtoMessage tensor = new ProtoMessage().Number(1, (long)value.Type);
        if (value.Dims is not null)
            tensor.Message(2, dims);
        return new ProtoMessage().Text(1, value.Name).Message(2, new ProtoMessage().Message(1, tensor));
    }
}

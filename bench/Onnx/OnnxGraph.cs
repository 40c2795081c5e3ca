using System.Globalization;
using System.Runtime.InteropServices;

namespace Graft.Bench.Onnx;

/// <summary>An ONNX graph in the making: nodes, float32 initialisers, one input and one output.</summary>
/// <remarks>
/// Field numbers from the ONNX specification (onnx.proto). Opset 17 with IR version 8, the pair of ONNX 1.12: the newest for which
/// every op written here has its present form.
/// </remarks>
internal sealed class OnnxGraph
{
    private const int IrVersion = 8, Opset = 17;
    private const int Float32 = 1, Int64 = 7; // TensorProto.DataType
    private const int AttributeFloat = 1, AttributeInt = 2, AttributeText = 3, AttributeInts = 7; // AttributeProto.AttributeType

    private readonly ProtoMessage _graph = new ProtoMessage().Text(2, "graft"); // GraphProto: name 2
    private readonly HashSet<string> _initializers = [];

    public void Input(string name, Shape shape, bool isInteger = false) => _graph.Message(11, ValueInfo(name, shape, isInteger ? Int64 : Float32));

    public void Output(string name, Shape shape) => _graph.Message(12, ValueInfo(name, shape, Float32));

    /// <summary>An input, some of whose extents are known only when it comes: these have a name instead of a number.</summary>
    public void OpenInput(string name, bool isInteger, params ReadOnlySpan<string> dims) => _graph.Message(11, OpenValue(name, isInteger ? Int64 : Float32, dims));

    /// <summary>An output likewise.</summary>
    public void OpenOutput(string name, params ReadOnlySpan<string> dims) => _graph.Message(12, OpenValue(name, Float32, dims));

    /// <summary>Numbers of a layer; a layer used at several nodes writes them once.</summary>
    public string Initializer(string name, Shape shape, ReadOnlySpan<float> values)
    {
        if (!_initializers.Add(name))
            return name;
        ProtoMessage tensor = new ProtoMessage().Number(1, Longs(shape)).Number(2, Float32).Text(8, name); // dims, data_type, name
        _graph.Message(5, tensor.Bytes(9, MemoryMarshal.AsBytes(values))); // raw_data is little-endian, as all our machines are
        return name;
    }

    /// <summary>Whole numbers that are part of the graph: axes, shapes.</summary>
    public string Integers(string name, params ReadOnlySpan<long> values)
    {
        ProtoMessage tensor = new ProtoMessage().Number(1, values.Length).Number(2, Int64).Text(8, name);
        _graph.Message(5, tensor.Bytes(9, MemoryMarshal.AsBytes(values)));
        return name;
    }

    /// <summary>Adds an op, named after its output, and returns that name.</summary>
    public string Node(string op, string[] inputs, string output, params ReadOnlySpan<ProtoMessage> attributes)
    {
        Node(op, inputs, [output], attributes);
        return output;
    }

    /// <summary>Adds an op with several outputs, named after the first.</summary>
    public void Node(string op, string[] inputs, string[] outputs, params ReadOnlySpan<ProtoMessage> attributes)
    {
        ProtoMessage node = new ProtoMessage().Text(1, inputs).Text(2, outputs).Text(3, outputs[0]).Text(4, op);
        foreach (ProtoMessage attribute in attributes)
            node.Message(5, attribute);
        _graph.Message(1, node);
    }

    public static ProtoMessage Attribute(string name, float value) => new ProtoMessage().Text(1, name).Float(2, value).Number(20, AttributeFloat);

    public static ProtoMessage Attribute(string name, long value) => new ProtoMessage().Text(1, name).Number(3, value).Number(20, AttributeInt);

    public static ProtoMessage Attribute(string name, string value) => new ProtoMessage().Text(1, name).Text(4, value).Number(20, AttributeText);

    public static ProtoMessage Attribute(string name, params long[] values) => new ProtoMessage().Text(1, name).Number(8, values).Number(20, AttributeInts);

    /// <summary>The model file.</summary>
    public byte[] ToModel() => new ProtoMessage()
        .Number(1, IrVersion)
        .Text(2, "graft-bench")
        .Message(7, _graph)
        .Message(8, new ProtoMessage().Text(1, "").Number(2, Opset)) // opset_import: domain, version
        .ToArray();

    // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; its elem_type 1, shape 2; TensorShapeProto: dim 1; its dim_value 1.
    private static ProtoMessage ValueInfo(string name, Shape shape, int type) => OpenValue(name, type, [.. shape.Select(d => d.ToString(CultureInfo.InvariantCulture))]);

    // The same; its dim_param 2.
    private static ProtoMessage OpenValue(string name, int type, ReadOnlySpan<string> extents)
    {
        var dims = new ProtoMessage();
        foreach (string extent in extents)
            dims.Message(1, int.TryParse(extent, CultureInfo.InvariantCulture, out int number) ? new ProtoMessage().Number(1, number) : new ProtoMessage().Text(2, extent));
        ProtoMessage tensor = new ProtoMessage().Number(1, type).Message(2, dims);
        return new ProtoMessage().Text(1, name).Message(2, new ProtoMessage().Message(1, tensor));
    }

    private static long[] Longs(Shape shape) => [.. shape.Select(d => (long)d)];
}

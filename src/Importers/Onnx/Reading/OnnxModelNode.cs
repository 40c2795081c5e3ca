namespace Graft.Importers.Onnx;

/// <summary>A node of an ONNX file.</summary>
internal sealed class OnnxModelNode
{
    /// <summary>The operator.</summary>
    public string Op { get; private set; } = "";

    /// <summary>Whose operator; "" and "ai.onnx" are ONNX's own.</summary>
    public string Domain { get; private set; } = "";

    /// <summary>Its name; of nameless nodes that of the first output.</summary>
    public string Name { get; private set; } = "";

    /// <summary>What it reads; "" for optional inputs that are left out.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>What it makes; "" for what is not wanted.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>Its attributes, in the file's order.</summary>
    public List<OnnxAttribute> Attributes { get; } = [];

    /// <summary>The attribute of a name; null where there is none.</summary>
    public OnnxAttribute? Attribute(string name) => Attributes.Find(a => a.Name == name);

    // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7.
    public static OnnxModelNode Read(ProtoReader input, long end)
    {
        var node = new OnnxModelNode();
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Bytes): node.Inputs.Add(input.Text(input.End(end))); break;
                case (2, WireType.Bytes): node.Outputs.Add(input.Text(input.End(end))); break;
                case (3, WireType.Bytes): node.Name = input.Text(input.End(end)); break;
                case (4, WireType.Bytes): node.Op = input.Text(input.End(end)); break;
                case (5, WireType.Bytes): node.Attributes.Add(OnnxAttribute.Read(input, input.End(end))); break;
                case (7, WireType.Bytes): node.Domain = input.Text(input.End(end)); break;
                default: input.Skip(wire, end); break;
            }
        }
        if (node.Name.Length == 0)
            node.Name = node.Outputs.FirstOrDefault() ?? "";
        return node;
    }
}

/// <summary>An attribute of a node.</summary>
internal sealed class OnnxAttribute
{
    /// <summary>Its name.</summary>
    public string Name { get; private set; } = "";

    /// <summary>A number; null where it is none.</summary>
    public float? Float { get; private set; }

    /// <summary>A whole number; null where it is none.</summary>
    public long? Integer { get; private set; }

    /// <summary>A text; null where it is none.</summary>
    public string? Text { get; private set; }

    /// <summary>An array; null where it is none.</summary>
    public OnnxTensor? Tensor { get; private set; }

    /// <summary>A list of numbers.</summary>
    public List<float> Floats { get; } = [];

    /// <summary>A list of whole numbers.</summary>
    public List<long> Integers { get; } = [];

    /// <summary>A list of texts.</summary>
    public List<string> Texts { get; } = [];

    // AttributeProto: name 1, f 2, i 3, s 4, t 5, floats 7, ints 8, strings 9; the rest (graphs, sparse tensors) is named only.
    public static OnnxAttribute Read(ProtoReader input, long end)
    {
        var attribute = new OnnxAttribute();
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Bytes): attribute.Name = input.Text(input.End(end)); break;
                case (2, WireType.Fixed32): attribute.Float = input.Float(); break;
                case (3, WireType.Varint): attribute.Integer = (long)input.Varint(); break;
                case (4, WireType.Bytes): attribute.Text = input.Text(input.End(end)); break;
                case (5, WireType.Bytes): attribute.Tensor = OnnxTensor.Read(input, input.End(end)); break;
                case (7, WireType.Fixed32 or WireType.Bytes): input.Floats(wire, end, attribute.Floats); break;
                case (8, WireType.Varint or WireType.Bytes): input.Integers(wire, end, attribute.Integers); break;
                case (9, WireType.Bytes): attribute.Texts.Add(input.Text(input.End(end))); break;
                default: input.Skip(wire, end); break;
            }
        }
        return attribute;
    }
}

using System.Globalization;
using Google.Protobuf;

namespace Graft.Importers.Inspection;

/// <summary>An ONNX model: versions, inputs and outputs, nodes, initialisers.</summary>
/// <remarks>Field numbers from the ONNX specification (onnx.proto), named where they are read.</remarks>
internal sealed class OnnxContents
{
    // TensorProto.DataType, with the bytes of one number; strings have none of their own.
    private static readonly (string Name, int Bytes)[] Types =
    [
        ("undefined", 0), ("float32", 4), ("uint8", 1), ("int8", 1), ("uint16", 2), ("int16", 2), ("int32", 4), ("int64", 8), ("string", 0), ("bool", 1), ("float16", 2),
        ("float64", 8), ("uint32", 4), ("uint64", 8), ("complex64", 8), ("complex128", 16), ("bfloat16", 2), ("float8_e4m3fn", 1), ("float8_e4m3fnuz", 1), ("float8_e5m2", 1), ("float8_e5m2fnuz", 1),
    ];

    private readonly List<(string Name, string Value)> _facts = [];
    private readonly List<LayerEntry> _nodes = [];
    private readonly List<ArrayEntry> _arrays = [];
    private bool _hasGraph;

    /// <summary>Reads a file; null where it is well-formed but has no graph.</summary>
    /// <exception cref="GraftException">It is not a message of the format, or cut.</exception>
    public static FileContents? Inspect(string path)
    {
        var contents = new OnnxContents();
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            Read(new CodedInputStream(bytes), contents.ReadModel);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or OverflowException or ArgumentOutOfRangeException) // the latter two: extents that no array has
        {
            throw new GraftException($"{path}: not an ONNX model, or truncated ({e.Message}).", e);
        }
        if (!contents._hasGraph)
            return null;
        string ops = string.Join(", ", contents._nodes.GroupBy(n => n.Type).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}"));
        return new FileContents(path, "ONNX", bytes.Length) { Facts = [.. contents._facts, ("nodes", ops)], Layers = contents._nodes, Arrays = contents._arrays };
    }

    private static void Read(CodedInputStream input, Func<int, CodedInputStream, bool> read) => ReadTagged(input, (tag, i) => read(WireFormat.GetTagFieldNumber(tag), i));

    /// <summary>Walks the fields of a message; those that <paramref name="read"/> does not take are skipped.</summary>
    private static void ReadTagged(CodedInputStream input, Func<uint, CodedInputStream, bool> read)
    {
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            if (!read(tag, input))
                input.SkipLastField();
        }
    }

    private static CodedInputStream Message(CodedInputStream input) => input.ReadBytes().CreateCodedInput();

    private bool ReadModel(int field, CodedInputStream input)
    {
        switch (field)
        {
            case 1: _facts.Add(("ir_version", input.ReadInt64().ToString(CultureInfo.InvariantCulture))); return true;
            case 2: _facts.Add(("producer_name", input.ReadString())); return true;
            case 3: _facts.Add(("producer_version", input.ReadString())); return true;
            case 4: _facts.Add(("domain", input.ReadString())); return true;
            case 5: _facts.Add(("model_version", input.ReadInt64().ToString(CultureInfo.InvariantCulture))); return true;
            case 6: _facts.Add(("doc_string", input.ReadString())); return true;
            case 7: _hasGraph = true; Read(Message(input), ReadGraph); return true;
            case 8: _facts.Add(("opset", Opset(Message(input)))); return true; // opset_import
            case 14: _facts.Add(Metadata(Message(input))); return true; // metadata_props
            default: return false;
        }
    }

    private bool ReadGraph(int field, CodedInputStream input)
    {
        switch (field)
        {
            case 1: _nodes.Add(ReadNode(Message(input))); return true;
            case 2: _facts.Add(("graph", input.ReadString())); return true;
            case 5: _arrays.Add(ReadTensor(Message(input))); return true; // initializer
            case 11: _facts.Add(("input", ReadValue(Message(input)))); return true;
            case 12: _facts.Add(("output", ReadValue(Message(input)))); return true;
            default: return false;
        }
    }

    private static string Opset(CodedInputStream input)
    {
        (string domain, long version) = ("", 0);
        Read(input, (field, i) =>
        {
            switch (field)
            {
                case 1: domain = i.ReadString(); return true;
                case 2: version = i.ReadInt64(); return true;
                default: return false;
            }
        });
        return domain.Length == 0 ? $"{version}" : $"{domain} {version}";
    }

    private static (string, string) Metadata(CodedInputStream input)
    {
        (string key, string value) = ("", "");
        Read(input, (field, i) =>
        {
            switch (field)
            {
                case 1: key = i.ReadString(); return true;
                case 2: value = i.ReadString(); return true;
                default: return false;
            }
        });
        return (key, value);
    }

    // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7.
    private static LayerEntry ReadNode(CodedInputStream input)
    {
        List<string> inputs = [], outputs = [], attributes = [];
        (string name, string op) = ("", "");
        Read(input, (field, i) =>
        {
            switch (field)
            {
                case 1: inputs.Add(i.ReadString()); return true;
                case 2: outputs.Add(i.ReadString()); return true;
                case 3: name = i.ReadString(); return true;
                case 4: op = i.ReadString(); return true;
                case 5: attributes.Add(ReadAttribute(Message(i))); return true;
                default: return false;
            }
        });
        string settings = attributes.Count == 0 ? "" : $"; {string.Join(", ", attributes)}";
        return new LayerEntry(name.Length > 0 ? name : outputs.FirstOrDefault() ?? "", op, $"{string.Join(", ", inputs)} -> {string.Join(", ", outputs)}{settings}");
    }

    // AttributeProto: name 1, f 2, i 3, s 4, t 5, floats 7, ints 8; the rest is named only.
    private static string ReadAttribute(CodedInputStream input)
    {
        string name = "";
        List<string> values = [];
        ReadTagged(input, (tag, i) =>
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: name = i.ReadString(); return true;
                case 2: values.Add(i.ReadFloat().ToString("G6", CultureInfo.InvariantCulture)); return true;
                case 3: values.Add(i.ReadInt64().ToString(CultureInfo.InvariantCulture)); return true;
                case 4: values.Add(i.ReadString()); return true;
                case 5: values.Add($"tensor {ReadTensor(Message(i)).Shape}"); return true;
                case 7: ReadRepeated(tag, i, WireFormat.WireType.Fixed32, c => c.ReadFloat().ToString("G6", CultureInfo.InvariantCulture), values); return true;
                case 8: ReadRepeated(tag, i, WireFormat.WireType.Varint, c => c.ReadInt64().ToString(CultureInfo.InvariantCulture), values); return true;
                default: return false;
            }
        });
        return values.Count == 1 ? $"{name} {values[0]}" : $"{name} [{string.Join(",", values)}]";
    }

    // ValueInfoProto: name 1, type 2 (TypeProto: tensor_type 1 (elem_type 1, shape 2 (dim 1: dim_value 1, dim_param 2))).
    private static string ReadValue(CodedInputStream input)
    {
        (string name, string type, List<string>? dims) = ("", "", null);
        Read(input, (field, i) =>
        {
            if (field == 1)
                name = i.ReadString();
            else if (field == 2)
                Read(Message(i), (f, t) => f == 1 && ReadTensorType(Message(t)));
            return field is 1 or 2;
        });
        return $"{name} {type} {(dims is null ? "of any shape" : $"[{string.Join(",", dims)}]")}";

        bool ReadTensorType(CodedInputStream tensor)
        {
            Read(tensor, (field, i) =>
            {
                if (field == 1)
                {
                    type = TypeOf(i.ReadInt32()).Name;
                }
                else if (field == 2)
                {
                    dims = []; // a shape without axes is that of a single number
                    Read(Message(i), (f, s) => f == 1 && ReadDim(Message(s)));
                }
                return field is 1 or 2;
            });
            return true;
        }

        bool ReadDim(CodedInputStream dim)
        {
            string extent = "?";
            Read(dim, (field, i) =>
            {
                extent = field == 1 ? i.ReadInt64().ToString(CultureInfo.InvariantCulture) : field == 2 ? i.ReadString() : extent;
                return field is 1 or 2;
            });
            dims!.Add(extent);
            return true;
        }
    }

    // TensorProto: dims 1, data_type 2, name 8, external_data 13, data_location 14 (1: in another file).
    private static ArrayEntry ReadTensor(CodedInputStream input)
    {
        (string name, int type, bool external) = ("", 0, false);
        List<string> dims = [];
        ReadTagged(input, (tag, i) =>
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: ReadRepeated(tag, i, WireFormat.WireType.Varint, c => c.ReadInt64().ToString(CultureInfo.InvariantCulture), dims); return true;
                case 2: type = i.ReadInt32(); return true;
                case 8: name = i.ReadString(); return true;
                case 14: external = i.ReadInt32() == 1; return true;
                default: return false;
            }
        });
        var shape = new Shape([.. dims.Select(d => int.Parse(d, CultureInfo.InvariantCulture))]);
        (string typeName, int size) = TypeOf(type);
        return new ArrayEntry(name, external ? $"{typeName} in another file" : typeName, shape, shape.Count * size);
    }

    private static (string Name, int Bytes) TypeOf(int type) => type >= 0 && type < Types.Length ? Types[type] : ($"type {type}", 0);

    // Repeated numbers stand one a tag, or all of them packed into one field.
    private static void ReadRepeated(uint tag, CodedInputStream input, WireFormat.WireType single, Func<CodedInputStream, string> read, List<string> values)
    {
        if (WireFormat.GetTagWireType(tag) == single)
        {
            values.Add(read(input));
            return;
        }
        CodedInputStream packed = Message(input);
        while (!packed.IsAtEnd)
            values.Add(read(packed));
    }
}

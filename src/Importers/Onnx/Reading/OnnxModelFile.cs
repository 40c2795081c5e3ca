using System.Globalization;

namespace Graft.Importers.Onnx;

/// <summary>An ONNX file as it is: nodes, arrays, inputs, outputs, and what it says about itself. The numbers of arrays stay in the file.</summary>
/// <remarks>Field numbers from the ONNX specification (onnx.proto), named where they are read.</remarks>
internal sealed class OnnxModelFile
{
    private readonly List<(string Name, string Value)> _facts = [];
    private readonly Dictionary<string, string> _metadata = [];

    private OnnxModelFile(string path) => FilePath = path;

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>Versions, producer, metadata, in the file's order.</summary>
    public IReadOnlyList<(string Name, string Value)> Facts => _facts;

    /// <summary>What programs left in it under names.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Version of ONNX's own operators; 1 where the file does not say.</summary>
    public long Opset { get; private set; } = 1;

    /// <summary>False for a message that is well-formed and holds no graph.</summary>
    public bool HasGraph { get; private set; }

    /// <summary>The nodes, each behind those it reads.</summary>
    public List<OnnxModelNode> Nodes { get; } = [];

    /// <summary>The arrays.</summary>
    public List<OnnxTensor> Tensors { get; } = [];

    /// <summary>Inputs; older files name arrays among them too.</summary>
    public List<OnnxValueInfo> Inputs { get; } = [];

    /// <summary>Outputs.</summary>
    public List<OnnxValueInfo> Outputs { get; } = [];

    /// <summary>True where there are arrays that hold few numbers at given places, which are not read.</summary>
    public bool HasSparseTensors { get; private set; }

    /// <summary>Reads a file that has a graph of dense arrays.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, or not such a model.</exception>
    public static OnnxModelFile Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; an ONNX model is due here.");
        OnnxModelFile file = Read(path);
        if (file.HasSparseTensors)
            throw new GraftException($"{path}: has sparse initialisers, which this version does not read; save the model with dense ones.");
        return file;
    }

    /// <summary>Reads whatever message a file is.</summary>
    /// <exception cref="GraftException">It is none, or cut.</exception>
    public static OnnxModelFile Read(string path)
    {
        var file = new OnnxModelFile(path);
        using FileStream stream = File.OpenRead(path);
        file.ReadModel(new ProtoReader(stream, path), stream.Length);
        return file;
    }

    /// <summary>True for a file that is an ONNX model with a graph: the format has no signature, so its outermost fields are walked.</summary>
    public static bool IsOne(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var input = new ProtoReader(stream, path);
        bool hasGraph = false;
        try
        {
            while (input.Next(stream.Length, out int field, out WireType wire))
            {
                hasGraph |= field == 7 && wire == WireType.Bytes;
                input.Skip(wire, stream.Length);
            }
        }
        catch (GraftException) // no message, so no model
        {
            return false;
        }
        return hasGraph;
    }

    private void ReadModel(ProtoReader input, long end)
    {
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Varint): _facts.Add(("ir_version", Number(input))); break;
                case (2, WireType.Bytes): _facts.Add(("producer_name", input.Text(input.End(end)))); break;
                case (3, WireType.Bytes): _facts.Add(("producer_version", input.Text(input.End(end)))); break;
                case (4, WireType.Bytes): _facts.Add(("domain", input.Text(input.End(end)))); break;
                case (5, WireType.Varint): _facts.Add(("model_version", Number(input))); break;
                case (6, WireType.Bytes): _facts.Add(("doc_string", input.Text(input.End(end)))); break;
                case (7, WireType.Bytes): ReadGraph(input, input.End(end)); break;
                case (8, WireType.Bytes): ReadOpset(input, input.End(end)); break; // opset_import
                case (14, WireType.Bytes): ReadMetadata(input, input.End(end)); break; // metadata_props
                default: input.Skip(wire, end); break;
            }
        }
    }

    private void ReadGraph(ProtoReader input, long end)
    {
        HasGraph = true;
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Bytes): Nodes.Add(OnnxModelNode.Read(input, input.End(end))); break;
                case (2, WireType.Bytes): _facts.Add(("graph", input.Text(input.End(end)))); break;
                case (5, WireType.Bytes): Tensors.Add(OnnxTensor.Read(input, input.End(end))); break; // initializer
                case (11, WireType.Bytes): Inputs.Add(OnnxValueInfo.Read(input, input.End(end))); _facts.Add(("input", $"{Inputs[^1]}")); break;
                case (12, WireType.Bytes): Outputs.Add(OnnxValueInfo.Read(input, input.End(end))); _facts.Add(("output", $"{Outputs[^1]}")); break;
                case (15, WireType.Bytes): HasSparseTensors = true; input.Skip(wire, end); break; // sparse_initializer
                default: input.Skip(wire, end); break;
            }
        }
    }

    // OperatorSetIdProto: domain 1, version 2.
    private void ReadOpset(ProtoReader input, long end)
    {
        (string domain, long version) = ("", 0);
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Bytes): domain = input.Text(input.End(end)); break;
                case (2, WireType.Varint): version = (long)input.Varint(); break;
                default: input.Skip(wire, end); break;
            }
        }
        if (domain is "" or "ai.onnx")
            Opset = version;
        _facts.Add(("opset", domain.Length == 0 ? $"{version}" : $"{domain} {version}"));
    }

    private void ReadMetadata(ProtoReader input, long end)
    {
        (string key, string value) = input.Pair(end);
        _metadata[key] = value;
        _facts.Add((key, value));
    }

    private static string Number(ProtoReader input) => ((long)input.Varint()).ToString(CultureInfo.InvariantCulture);
}

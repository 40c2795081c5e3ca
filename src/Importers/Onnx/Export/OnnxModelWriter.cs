using System.Globalization;
using System.Runtime.InteropServices;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <summary>Writes a graph as a model file, its weights inside or in a second file.</summary>
internal sealed class OnnxModelWriter(OnnxGraph graph, string name, int opset, IReadOnlyList<(string Key, string Value)> metadata)
{
    private const long LargestMessage = int.MaxValue; // protobuf's readers take no more than 2 GB
    private const long Alignment = 4096; // of numbers in the second file: they may be mapped
    private const int External = 1; // TensorProto.DataLocation

    private readonly IReadOnlyList<OnnxInitializer> _initializers = graph.ReadInitializers();

    /// <summary>Writes a file, over one that may be there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="external">True for the weights in a second file; null where they do not fit into one.</param>
    /// <exception cref="GraftException">The weights must be in one file and do not fit.</exception>
    public void Write(string path, bool? external)
    {
        ProtoMessage whole = Whole();
        if (external == false && whole.Length > LargestMessage)
            throw TooLarge(path, whole);
        if (external ?? whole.Length > LargestMessage)
        {
            string data = $"{path}.data";
            List<ProtoMessage> described = [];
            WholeFile.Write(data, stream => described.AddRange(_initializers.Select(i => WriteData(i, stream, Path.GetFileName(data)))));
            whole = Model(described);
        }
        WholeFile.Write(path, whole.WriteTo);
    }

    /// <summary>The model file with all weights inside.</summary>
    /// <exception cref="GraftException">It is larger than protobuf's readers take.</exception>
    public byte[] ToArray()
    {
        ProtoMessage whole = Whole();
        if (whole.Length > LargestMessage)
            throw TooLarge(name, whole);
        using var stream = new MemoryStream(checked((int)whole.Length));
        whole.WriteTo(stream);
        return stream.GetBuffer();
    }

    private ProtoMessage Whole() => Model([.. _initializers.Select(i => Tensor(i))]);

    private static GraftException TooLarge(string what, ProtoMessage whole) =>
        new($"{what}: the model takes {whole.Length} bytes, and a single ONNX file holds {LargestMessage}; write it to a file and let the weights lie beside it (ExternalData).");

    /// <summary>TensorProto: dims 1, data_type 2, name 8, raw_data 9.</summary>
    public static ProtoMessage Tensor(OnnxInitializer initializer)
    {
        ProtoMessage tensor = Described(initializer);
        return initializer.Floats is { } floats ? tensor.Numbers(9, initializer.Shape.Count, floats) : tensor.Bytes(9, MemoryMarshal.AsBytes(initializer.Integers.AsSpan()));
    }

    private static ProtoMessage Described(OnnxInitializer initializer) =>
        new ProtoMessage().Number(1, [.. initializer.Shape.Select(d => (long)d)]).Number(2, (long)initializer.Type).Text(8, initializer.Name);

    private static ProtoMessage WriteData(OnnxInitializer initializer, Stream stream, string location)
    {
        if (initializer.Floats is null)
            return Tensor(initializer); // shapes and axes are small, and some readers want them in the file
        stream.Write(new byte[(Alignment - stream.Position % Alignment) % Alignment]);
        long offset = stream.Position;
        stream.Write(MemoryMarshal.AsBytes(initializer.Floats().AsSpan()));
        // external_data 13 (StringStringEntryProto: key 1, value 2), data_location 14
        return Described(initializer).Message(13, Entry("location", location)).Message(13, Entry("offset", offset.ToString(CultureInfo.InvariantCulture)))
            .Message(13, Entry("length", initializer.Bytes.ToString(CultureInfo.InvariantCulture))).Number(14, External);
    }

    // ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8 (domain 1, version 2), metadata_props 14.
    private ProtoMessage Model(IReadOnlyList<ProtoMessage> initializers)
    {
        ProtoMessage model = new ProtoMessage()
            .Number(1, IrVersion(opset))
            .Text(2, "graft")
            .Text(3, Version)
            .Message(7, graph.ToMessage(name, initializers))
            .Message(8, new ProtoMessage().Text(1, "").Number(2, opset));
        foreach ((string key, string value) in metadata)
            model.Message(14, Entry(key, value));
        return model;
    }

    private static ProtoMessage Entry(string key, string value) => new ProtoMessage().Text(1, key).Text(2, value);

    private static string Version => typeof(Model).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "";

    /// <summary>The version of the file format that came out with an operator set: ONNX's docs/Versioning.md.</summary>
    private static int IrVersion(int opset) => opset switch { <= 18 => 8, <= 20 => 9, _ => 10 };
}

using System.Runtime.InteropServices;
using Google.Protobuf;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <summary>The float32 initialisers of an ONNX file, by name.</summary>
/// <remarks>Field numbers from the ONNX specification (onnx.proto): ModelProto.graph 7, GraphProto.initializer 5, TensorProto dims 1,
/// data_type 2, float_data 4, name 8, raw_data 9.</remarks>
public sealed class OnnxWeights : WeightFile
{
    private const int Float32 = 1; // TensorProto.DataType.FLOAT

    private readonly Dictionary<string, (Shape Shape, float[] Values)> _arrays;

    private OnnxWeights(string source, Dictionary<string, (Shape, float[])> arrays)
    {
        Source = source;
        _arrays = arrays;
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _arrays.Keys;

    /// <summary>Reads a file.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, or not an ONNX model.</exception>
    public static OnnxWeights Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; an ONNX model is due here.");
        var arrays = new Dictionary<string, (Shape, float[])>();
        try
        {
            var model = new CodedInputStream(File.ReadAllBytes(path));
            Fields(model, (tag, input) => Is(tag, 7) && Fields(Message(input), (inner, graph) => Is(inner, 5) && ReadTensor(Message(graph), arrays, path)));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GraftException($"{path}: not an ONNX model, or truncated ({e.Message}).", e);
        }
        return arrays.Count > 0 ? new OnnxWeights(path, arrays)
            : throw new GraftException($"{path}: holds no float32 initialisers; it is not an ONNX model with weights.");
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _arrays[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _arrays[name].Values;

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);

    /// <summary>Walks the fields of a message; those that <paramref name="read"/> does not take are skipped.</summary>
    private static bool Fields(CodedInputStream input, Func<uint, CodedInputStream, bool> read)
    {
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            if (!read(tag, input))
                input.SkipLastField();
        }
        return true;
    }

    private static bool Is(uint tag, int field) => WireFormat.GetTagFieldNumber(tag) == field;

    private static CodedInputStream Message(CodedInputStream input) => input.ReadBytes().CreateCodedInput();

    private static bool ReadTensor(CodedInputStream tensor, Dictionary<string, (Shape, float[])> arrays, string path)
    {
        string name = "";
        int type = 0;
        var dims = new List<int>();
        float[] values = [];
        Fields(tensor, (tag, input) =>
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: ReadDims(tag, input, dims); return true;
                case 2: type = input.ReadInt32(); return true;
                case 4: values = MemoryMarshal.Cast<byte, float>(input.ReadBytes().Span).ToArray(); return true; // packed
                case 8: name = input.ReadString(); return true;
                case 9: values = MemoryMarshal.Cast<byte, float>(input.ReadBytes().Span).ToArray(); return true;
                default: return false;
            }
        });
        if (type != Float32)
            return true;
        var shape = new Shape([.. dims]);
        if (shape.Count != values.Length)
            throw new GraftException($"{path}: initialiser '{name}' of shape {shape} holds {values.Length} numbers, {shape.Count} are due; the file is damaged.");
        arrays[name] = (shape, values);
        return true;
    }

    // Repeated int64: one number a tag, or all of them packed into one field.
    private static void ReadDims(uint tag, CodedInputStream input, List<int> dims)
    {
        if (WireFormat.GetTagWireType(tag) == WireFormat.WireType.Varint)
        {
            dims.Add(checked((int)input.ReadInt64()));
            return;
        }
        CodedInputStream packed = Message(input);
        while (!packed.IsAtEnd)
            dims.Add(checked((int)packed.ReadInt64()));
    }
}

using System.Runtime.InteropServices;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <summary>The floating-point initialisers of an ONNX file, by name.</summary>
/// <remarks>
/// The file is walked once for names, shapes and places; numbers are read from there when they are asked for, so that a large file is
/// never in memory twice. float16 and bfloat16 are widened exactly, float64 is rounded. Field numbers from the ONNX specification
/// (onnx.proto): ModelProto.graph 7, GraphProto.initializer 5 and sparse_initializer 15.
/// </remarks>
public sealed class OnnxWeights : WeightFile
{
    private readonly Dictionary<string, OnnxTensor> _tensors;

    private OnnxWeights(string source, Dictionary<string, OnnxTensor> tensors)
    {
        Source = source;
        _tensors = tensors;
    }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Reads the names and shapes of a file.</summary>
    /// <exception cref="GraftException">The file is missing, truncated, not an ONNX model, or keeps its numbers elsewhere.</exception>
    public static OnnxWeights Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; an ONNX model is due here.");
        var tensors = new Dictionary<string, OnnxTensor>();
        using FileStream stream = File.OpenRead(path);
        var input = new ProtoReader(stream, path);
        while (input.Next(stream.Length, out int field, out WireType wire))
        {
            if (field == 7 && wire == WireType.Bytes)
                ReadGraph(input, input.End(stream.Length), tensors, path);
            else
                input.Skip(wire, stream.Length);
        }
        return tensors.Count > 0 ? new OnnxWeights(path, tensors)
            : throw new GraftException($"{path}: holds no floating-point initialisers; it is not an ONNX model with weights.");
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _tensors[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name)
    {
        OnnxTensor tensor = _tensors[name];
        if (tensor.Type == OnnxTensor.Float)
        {
            var floats = new float[tensor.Shape.Count];
            ReadPieces(tensor, MemoryMarshal.AsBytes(floats.AsSpan()));
            return floats;
        }
        var bytes = new byte[tensor.Pieces.Sum(p => p.Bytes)];
        ReadPieces(tensor, bytes);
        return tensor.Type switch
        {
            OnnxTensor.Half => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), h => (float)h),
            OnnxTensor.BFloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), b => BitConverter.Int32BitsToSingle(b << 16)), // the upper half of a float32
            _ => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), d => (float)d),
        };
    }

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);

    private static void ReadGraph(ProtoReader input, long end, Dictionary<string, OnnxTensor> tensors, string path)
    {
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 15)
                throw new GraftException($"{path}: has sparse initialisers, which this version does not read; save the model with dense ones.");
            if (field != 5 || wire != WireType.Bytes)
            {
                input.Skip(wire, end);
                continue;
            }
            OnnxTensor tensor = OnnxTensor.Read(input, input.End(end), path);
            if (tensor.IsFloat && !tensors.TryAdd(tensor.Name, tensor))
                throw new GraftException($"{path}: has two initialisers named '{tensor.Name}'; the file is damaged.");
        }
    }

    private void ReadPieces(OnnxTensor tensor, Span<byte> destination)
    {
        using FileStream stream = File.OpenRead(Source);
        foreach ((long from, int bytes) in tensor.Pieces)
        {
            stream.Position = from;
            stream.ReadExactly(destination[..bytes]);
            destination = destination[bytes..];
        }
    }
}

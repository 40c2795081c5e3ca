namespace Graft.Importers.Onnx;

/// <summary>An initialiser of an ONNX file: what it is, and where its numbers lie in the file.</summary>
/// <remarks>Field numbers of TensorProto, from the ONNX specification (onnx.proto): dims 1, data_type 2, float_data 4, name 8, raw_data 9,
/// double_data 10, external_data 13, data_location 14. A field may be stored in several pieces, one after the other.</remarks>
internal sealed class OnnxTensor
{
    private const int External = 1; // TensorProto.DataLocation

    // TensorProto.DataType of those that can be weights, with their bytes.
    private static readonly Dictionary<int, int> FloatBytes = new() { [Float] = 4, [Half] = 2, [Double] = 8, [BFloat16] = 2 };

    private readonly List<long> _dims = [];

    /// <summary>TensorProto.DataType.</summary>
    public const int Float = 1, Half = 10, Double = 11, BFloat16 = 16;

    /// <summary>Its name.</summary>
    public string Name { get; private set; } = "";

    /// <summary>TensorProto.DataType.</summary>
    public int Type { get; private set; }

    /// <summary>Its shape.</summary>
    public Shape Shape { get; private set; } = new();

    /// <summary>True for floating point; others (shapes, axes, class indices) are no weights.</summary>
    public bool IsFloat => FloatBytes.ContainsKey(Type);

    /// <summary>Where the numbers are: pieces of the file.</summary>
    public List<(long From, int Bytes)> Pieces { get; } = [];

    /// <summary>Reads a tensor's description; its numbers are passed over.</summary>
    /// <exception cref="GraftException">It is damaged, or its numbers are not in the file as this version reads them.</exception>
    public static OnnxTensor Read(ProtoReader input, long end, string path)
    {
        var tensor = new OnnxTensor();
        bool external = false;
        string location = "";
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Varint): tensor._dims.Add((long)input.Varint()); break;
                case (1, WireType.Bytes): tensor.PackedDims(input, input.End(end)); break;
                case (2, WireType.Varint): tensor.Type = (int)input.Varint(); break;
                case (4 or 9 or 10, WireType.Bytes): tensor.Piece(input, input.End(end), end, path); break;
                case (4, WireType.Fixed32): tensor.Piece(input, input.Position + sizeof(float), end, path); break; // not packed
                case (10, WireType.Fixed64): tensor.Piece(input, input.Position + sizeof(double), end, path); break;
                case (8, WireType.Bytes): tensor.Name = input.Text(input.End(end)); break;
                case (13, WireType.Bytes): location += $" {ExternalEntry(input, input.End(end))}"; break;
                case (14, WireType.Varint): external = input.Varint() == External; break;
                default: input.Skip(wire, end); break;
            }
        }
        if (tensor.IsFloat && external)
            throw new GraftException($"{path}: the numbers of initialiser '{tensor.Name}' lie in another file ({location.Trim()}); this version reads what is in the file itself. Save the model with its weights inside (onnx.save_model(..., save_as_external_data=False)).");
        if (tensor.IsFloat)
            tensor.Check(path);
        return tensor;
    }

    private void PackedDims(ProtoReader input, long end)
    {
        while (input.Position < end)
            _dims.Add((long)input.Varint());
    }

    private void Piece(ProtoReader input, long to, long end, string path)
    {
        long bytes = to - input.Position;
        if (to > end)
            throw input.Broken($"initialiser '{Name}' ends within a number");
        if (bytes > int.MaxValue)
            throw new GraftException($"{path}: initialiser '{Name}' has {bytes} bytes in one piece; {int.MaxValue} are the most.");
        Pieces.Add((input.Position, (int)bytes));
        input.Seek(to);
    }

    private static string ExternalEntry(ProtoReader input, long end)
    {
        string key = "", value = "";
        while (input.Next(end, out int field, out WireType wire))
        {
            if (wire != WireType.Bytes)
                input.Skip(wire, end);
            else if (field == 1)
                key = input.Text(input.End(end));
            else
                value = input.Text(input.End(end));
        }
        return $"{key}={value}";
    }

    private void Check(string path)
    {
        UInt128 count = 1; // dims are 64 bits, and a damaged file has any
        foreach (long d in _dims)
        {
            if (d is < 0 or > int.MaxValue)
                throw new GraftException($"{path}: initialiser '{Name}' of shape [{string.Join(',', _dims)}] has an axis of {d}; 0 to {int.MaxValue} are possible. The file is damaged.");
            count = UInt128.Min(count * (ulong)d, ulong.MaxValue);
        }
        long bytes = Pieces.Sum(p => (long)p.Bytes);
        if (count * (ulong)FloatBytes[Type] != (ulong)bytes)
            throw new GraftException($"{path}: initialiser '{Name}' of shape [{string.Join(',', _dims)}] holds {bytes} bytes, {count * (ulong)FloatBytes[Type]} are due; the file is damaged, or keeps these numbers in a way that this version does not read.");
        if (count > int.MaxValue)
            throw new GraftException($"{path}: initialiser '{Name}' of shape [{string.Join(',', _dims)}] has {count} numbers; {int.MaxValue} are the most.");
        Shape = new Shape([.. _dims.Select(d => (int)d)]);
    }
}

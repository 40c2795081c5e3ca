using System.Globalization;
using System.Runtime.InteropServices;

namespace Graft.Importers.Onnx;

/// <summary>An array of an ONNX file: what it is, and where its numbers lie.</summary>
/// <remarks>Field numbers of TensorProto, from the ONNX specification (onnx.proto): dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8, raw_data 9,
/// double_data 10, external_data 13, data_location 14. A field may be stored in several pieces, one after the other.</remarks>
internal sealed class OnnxTensor
{
    private const int External = 1; // TensorProto.DataLocation

    // Of types that can be weights, and of whole numbers.
    private static readonly Dictionary<OnnxType, int> FloatBytes = new() { [OnnxType.Float] = 4, [OnnxType.Half] = 2, [OnnxType.Double] = 8, [OnnxType.BFloat16] = 2 };
    private static readonly Dictionary<OnnxType, int> IntegerBytes = new()
    {
        [OnnxType.Int64] = 8, [OnnxType.Int32] = 4, [OnnxType.Int16] = 2, [OnnxType.Int8] = 1, [OnnxType.UInt8] = 1, [OnnxType.UInt16] = 2, [OnnxType.Bool] = 1,
    };

    private readonly List<long> _integers = [];
    private readonly Dictionary<string, string> _external = [];
    private readonly List<(long From, int Bytes)> _pieces = [];
    private bool _isExternal;

    /// <summary>Its name.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Type of its numbers.</summary>
    public OnnxType Type { get; private set; }

    /// <summary>Extents as the file has them.</summary>
    public List<long> Dims { get; } = [];

    /// <summary>Its shape; of a damaged file there may be none: <see cref="Check"/>.</summary>
    public Shape Shape => new([.. Dims.Select(d => checked((int)d))]);

    /// <summary>True for floating point; others (shapes, axes, class indices) are no weights.</summary>
    public bool IsFloat => FloatBytes.ContainsKey(Type);

    /// <summary>True for numbers in a second file.</summary>
    public bool IsExternal => _isExternal;

    /// <summary>Reads a tensor's description; its numbers are passed over.</summary>
    /// <exception cref="GraftException">It is damaged.</exception>
    public static OnnxTensor Read(ProtoReader input, long end)
    {
        var tensor = new OnnxTensor();
        while (input.Next(end, out int field, out WireType wire))
        {
            switch (field, wire)
            {
                case (1, WireType.Varint or WireType.Bytes): input.Integers(wire, end, tensor.Dims); break;
                case (2, WireType.Varint): tensor.Type = (OnnxType)input.Varint(); break;
                case (4 or 9 or 10, WireType.Bytes): tensor.Piece(input, input.End(end), end); break;
                case (4, WireType.Fixed32): tensor.Piece(input, input.Position + sizeof(float), end); break; // not packed
                case (10, WireType.Fixed64): tensor.Piece(input, input.Position + sizeof(double), end); break;
                case (5 or 7, WireType.Varint or WireType.Bytes): input.Integers(wire, end, tensor._integers); break;
                case (8, WireType.Bytes): tensor.Name = input.Text(input.End(end)); break;
                case (13, WireType.Bytes): tensor.Entry(input, input.End(end)); break;
                case (14, WireType.Varint): tensor._isExternal = input.Varint() == External; break;
                default: input.Skip(wire, end); break;
            }
        }
        return tensor;
    }

    /// <summary>Makes sure that its numbers are there.</summary>
    /// <exception cref="GraftException">They do not fill the shape, or lie in a file that is not there.</exception>
    public void Check(string path)
    {
        UInt128 count = 1; // dims are 64 bits, and a damaged file has any
        foreach (long d in Dims)
        {
            if (d is < 0 or > int.MaxValue)
                throw new GraftException($"{path}: initialiser '{Name}' of shape [{Shown}] has an axis of {d}; 0 to {int.MaxValue} are possible. The file is damaged.");
            count = UInt128.Min(count * (ulong)d, ulong.MaxValue);
        }
        if (!FloatBytes.TryGetValue(Type, out int size) && !IntegerBytes.TryGetValue(Type, out size))
            throw new GraftException($"{path}: initialiser '{Name}' holds numbers of type {Type}, which this version does not read.");
        if (_pieces.Count == 0 && !_isExternal && _integers.Count > 0 && !IsFloat)
        {
            if (count != (ulong)_integers.Count)
                throw new GraftException($"{path}: initialiser '{Name}' of shape [{Shown}] holds {_integers.Count} numbers, {count} are due; the file is damaged.");
            return;
        }
        long bytes = Places(path).Pieces.Sum(p => (long)p.Bytes);
        if (count * (ulong)size != (ulong)bytes)
            throw new GraftException($"{path}: initialiser '{Name}' of shape [{Shown}] holds {bytes} bytes, {count * (ulong)size} are due; the file is damaged, or keeps these numbers in a way that this version does not read.");
        if (count > int.MaxValue)
            throw new GraftException($"{path}: initialiser '{Name}' of shape [{Shown}] has {count} numbers; {int.MaxValue} are the most.");
    }

    /// <summary>The numbers: float16 and bfloat16 are widened exactly, float64 is rounded.</summary>
    public float[] ReadFloats(string path)
    {
        if (Type == OnnxType.Float)
        {
            var floats = new float[Shape.Count];
            ReadBytes(path, MemoryMarshal.AsBytes(floats.AsSpan()));
            return floats;
        }
        var bytes = new byte[Shape.Count * FloatBytes[Type]];
        ReadBytes(path, bytes);
        return Type switch
        {
            OnnxType.Half => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), h => (float)h),
            OnnxType.BFloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), b => BitConverter.Int32BitsToSingle(b << 16)), // the upper half of a float32
            _ => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), d => (float)d),
        };
    }

    /// <summary>Whole numbers of any width.</summary>
    public long[] ReadIntegers(string path)
    {
        if (_integers.Count > 0)
            return [.. _integers];
        var bytes = new byte[Shape.Count * IntegerBytes[Type]];
        ReadBytes(path, bytes);
        return Type switch
        {
            OnnxType.Int64 => MemoryMarshal.Cast<byte, long>(bytes).ToArray(),
            OnnxType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), v => (long)v),
            OnnxType.Int16 => Array.ConvertAll(MemoryMarshal.Cast<byte, short>(bytes).ToArray(), v => (long)v),
            OnnxType.UInt16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), v => (long)v),
            OnnxType.Int8 => Array.ConvertAll(MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray(), v => (long)v),
            _ => Array.ConvertAll(bytes, v => (long)v),
        };
    }

    private string Shown => string.Join(',', Dims);

    private void Piece(ProtoReader input, long to, long end)
    {
        long bytes = to - input.Position;
        if (to > end)
            throw input.Broken($"initialiser '{Name}' ends within a number");
        if (bytes > int.MaxValue)
            throw input.Broken($"initialiser '{Name}' has {bytes} bytes in one piece; {int.MaxValue} are the most");
        _pieces.Add((input.Position, (int)bytes));
        input.Seek(to);
    }

    // StringStringEntryProto: key 1, value 2.
    private void Entry(ProtoReader input, long end)
    {
        (string key, string value) = input.Pair(end);
        _external[key] = value;
    }

    private (string File, List<(long From, int Bytes)> Pieces) Places(string path)
    {
        if (!_isExternal)
            return (path, _pieces);
        string location = _external.GetValueOrDefault("location", ""), folder = Path.GetDirectoryName(Path.GetFullPath(path))!, file = Path.GetFullPath(Path.Combine(folder, location));
        if (location.Length == 0 || Path.IsPathRooted(location) || !file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new GraftException($"{path}: the numbers of initialiser '{Name}' lie in '{location}', which is no file in the folder of the model; only such are read.");
        if (!File.Exists(file))
            throw new GraftException($"{path}: the numbers of initialiser '{Name}' lie in another file, {file}, which is not there; put it beside the model.");
        long size = new FileInfo(file).Length, offset = Number("offset", 0), length = Number("length", size - offset);
        return offset >= 0 && length is >= 0 and <= int.MaxValue && offset <= size - length ? (file, [(offset, (int)length)])
            : throw new GraftException($"{path}: the numbers of initialiser '{Name}' are bytes {offset} to {offset + length - 1} of {file}, which has {size} bytes; that file is truncated or of another model.");
    }

    private long Number(string key, long otherwise) =>
        _external.TryGetValue(key, out string? text) && long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) ? value : otherwise;

    private void ReadBytes(string path, Span<byte> destination)
    {
        (string file, List<(long From, int Bytes)> pieces) = Places(path);
        using FileStream stream = File.OpenRead(file);
        foreach ((long from, int bytes) in pieces)
        {
            stream.Position = from;
            stream.ReadExactly(destination[..bytes]);
            destination = destination[bytes..];
        }
    }
}

using System.Globalization;
using System.Text;

namespace Graft.Importers.PyTorch;

/// <summary>An array or type of NumPy within a pickle of torch.save: whole numbers, floating point and bool, in C order.</summary>
public sealed class NumpyValue
{
    private NumpyValue(StoredType? type, Shape shape, byte[] bytes)
    {
        Type = type;
        Shape = shape;
        Bytes = bytes;
    }

    /// <summary>How the numbers are stored; null until the pickle has said it.</summary>
    public StoredType? Type { get; }

    /// <summary>Extent of each axis.</summary>
    public Shape Shape { get; }

    /// <summary>The numbers, row-major.</summary>
    public IReadOnlyList<byte> Bytes { get; }

    /// <summary>The numbers as float64.</summary>
    public double[] ToDoubles()
    {
        byte[] bytes = [.. Bytes];
        int size = Type?.Size() ?? 1;
        return [.. Enumerable.Range(0, bytes.Length / size).Select(i => Convert.ToDouble(Number(bytes.AsSpan(i * size, size)), CultureInfo.InvariantCulture))];
    }

    /// <inheritdoc/>
    public override string ToString() => $"numpy {Type?.Name()} {Shape}";

    internal static object Make(PickleGlobal global, object?[] arguments, string path) => (global.Kind, arguments) switch
    {
        (GlobalKind.NumpyType, [string name, ..]) => new NumpyValue(TypeOf(name, path), Shape.Scalar, []),
        (GlobalKind.NumpyScalar, [NumpyValue { Type: { } type } of, var data]) when Raw(data) is { } bytes && bytes.Length == type.Size() => of.Number(bytes),
        (GlobalKind.NumpyArray, [PickleGlobal { Kind: GlobalKind.NumpyClass }, ..]) => new NumpyValue(null, Shape.Scalar, []),
        _ => throw Unread(path, $"calls '{global.Name}' with arguments that are not read"),
    };

    /// <summary>The type with its byte order, or the array with its numbers.</summary>
    internal NumpyValue With(object?[] state, string path)
    {
        if (Type is not null && state is [long, string order, ..])
            return order != ">" ? this : throw Unread(path, "holds big-endian numbers");
        if (state is not [long, object?[] dims, NumpyValue { Type: { } type }, bool inColumns, var data] || Raw(data) is not { } bytes || !dims.All(d => d is >= 0L and <= int.MaxValue))
            throw Unread(path, "holds an array whose state is not read");
        var shape = new Shape([.. dims.Select(d => (int)(long)d!)]);
        if (inColumns && shape.Rank > 1)
            throw Unread(path, "holds an array in columns (Fortran's order)");
        return shape.Count * type.Size() == bytes.Length ? new NumpyValue(type, shape, bytes) : throw Unread(path, $"holds an array {shape} of {type.Name()} in {bytes.Length} bytes");
    }

    private object Number(ReadOnlySpan<byte> bytes) => Type switch
    {
        StoredType.Float64 => BitConverter.ToDouble(bytes),
        StoredType.Float32 => (double)BitConverter.ToSingle(bytes),
        StoredType.Float16 => (double)BitConverter.ToHalf(bytes),
        StoredType.Int64 => BitConverter.ToInt64(bytes),
        StoredType.Int32 => (long)BitConverter.ToInt32(bytes),
        StoredType.Int16 => (long)BitConverter.ToInt16(bytes),
        StoredType.Int8 => (long)(sbyte)bytes[0],
        StoredType.Bool => bytes[0] != 0,
        _ => (long)bytes[0],
    };

    // Python 2 wrote the bytes as text.
    private static byte[]? Raw(object? data) => data as byte[] ?? (data is string text ? Encoding.Latin1.GetBytes(text) : null);

    private static StoredType TypeOf(string name, string path) => name switch
    {
        "f8" => StoredType.Float64,
        "f4" => StoredType.Float32,
        "f2" => StoredType.Float16,
        "i8" => StoredType.Int64,
        "i4" => StoredType.Int32,
        "i2" => StoredType.Int16,
        "i1" => StoredType.Int8,
        "u1" => StoredType.UInt8,
        "b1" => StoredType.Bool,
        _ => throw Unread(path, $"holds an array of NumPy's type '{name}'"),
    };

    private static GraftException Unread(string path, string what) => new($"{path}: its pickle {what}; save it as tensors or plain numbers instead.");
}

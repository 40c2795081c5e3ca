using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Graft.Weights;

namespace Graft.Importers.Numpy;

/// <summary>Reads and writes the .npy files of NumPy: one array, its type and shape in front.</summary>
/// <remarks>
/// Format versions 1.0 to 3.0 (numpy/lib/format.py). Read are bool, signed and unsigned whole numbers, and floating point of 16, 32 and 64 bits, in either byte
/// order, row-major or in columns (Fortran's order); all become row-major float32. Written is little-endian float32, row-major.
/// </remarks>
public static partial class NpyFile
{
    private const int Alignment = 64, LongestHeader = 1 << 20, DeepestRank = 32; // NumPy's own limit of axes

    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];

    /// <summary>True for a file that begins as .npy does.</summary>
    public static bool IsOne(string path)
    {
        using FileStream stream = File.OpenRead(path);
        Span<byte> head = stackalloc byte[Magic.Length];
        return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.SequenceEqual(Magic.AsSpan());
    }

    /// <summary>Reads an array.</summary>
    /// <returns>Its shape, and its numbers row-major.</returns>
    /// <exception cref="GraftException">The file is missing, damaged, cut off, or holds what is no array of numbers.</exception>
    public static (Shape Shape, float[] Values) Read(string path) => FileErrors.Named(path, "cannot be read as .npy", () =>
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a .npy file is due here (numpy.save).");
        using FileStream stream = File.OpenRead(path);
        (string type, bool inColumns, int[] dims) = Header(stream, path);
        (char kind, int size, bool isBig) = TypeOf(type, path);
        long count = Count(dims, path), due = checked(count * size), left = stream.Length - stream.Position;
        if (due != left)
            throw new GraftException($"{path}: holds {left} bytes of numbers, but an array [{string.Join(',', dims)}] of {type} has {due}; the file is {(left < due ? "cut off" : "damaged")}. Save it again.");
        if (due > Array.MaxLength)
            throw new GraftException($"{path}: holds {due} bytes of numbers, more than one array takes here ({Array.MaxLength}); split it.");
        var bytes = new byte[due];
        stream.ReadExactly(bytes);
        if (isBig && size > 1)
            Reverse(bytes, size);
        float[] values = Numbers(bytes, kind, size);
        var shape = new Shape(dims);
        return (shape, inColumns && dims.Length > 1 ? FromColumns(values, dims) : values);
    });

    /// <summary>Writes an array as float32; what was there before survives any failure.</summary>
    /// <exception cref="GraftException">The file cannot be written.</exception>
    /// <exception cref="ShapeException">The numbers do not fill the shape.</exception>
    public static void Write(string path, Shape shape, ReadOnlySpan<float> values)
    {
        if (values.Length != shape.Count)
            throw new ShapeException($"{path}: {values.Length} numbers do not fill {shape}.");
        string dims = string.Join(", ", shape.Dims.ToArray().Select(d => d.ToString(CultureInfo.InvariantCulture)));
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({dims}{(shape.Rank == 1 ? "," : "")}), }}";
        int room = (Magic.Length + 4 + header.Length + 1 + Alignment - 1) / Alignment * Alignment - Magic.Length - 4;
        byte[] text = Encoding.ASCII.GetBytes(header.PadRight(room - 1) + "\n"), length = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, checked((ushort)room));
        byte[] numbers = MemoryMarshal.AsBytes(values).ToArray();
        WholeFile.Write(path, stream =>
        {
            stream.Write(Magic);
            stream.Write([1, 0]);
            stream.Write(length);
            stream.Write(text);
            stream.Write(numbers);
        });
    }

    private static (string Type, bool InColumns, int[] Dims) Header(FileStream stream, string path)
    {
        Span<byte> head = stackalloc byte[Magic.Length + 2];
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head.StartsWith(Magic.AsSpan()))
            throw new GraftException($"{path}: is no .npy file (it does not begin with NumPy's mark); save the array by numpy.save.");
        int version = head[Magic.Length], width = version == 1 ? 2 : 4;
        if (version is < 1 or > 3)
            throw new GraftException($"{path}: is a .npy file of format {version}.{head[^1]}; this version reads 1.0 to 3.0.");
        Span<byte> size = stackalloc byte[4];
        size.Clear();
        long length = stream.ReadAtLeast(size[..width], width, throwOnEndOfStream: false) == width ? BinaryPrimitives.ReadUInt32LittleEndian(size) : long.MaxValue;
        if (length > Math.Min(LongestHeader, stream.Length - stream.Position))
            throw new GraftException($"{path}: its header is said to have {(length == long.MaxValue ? "no length" : $"{length} bytes")}, the file has {stream.Length}; it is cut off or damaged. Save it again.");
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        string text = Encoding.UTF8.GetString(bytes);
        Match type = Type().Match(text), order = Order().Match(text), shape = Dims().Match(text);
        if (!type.Success || !order.Success || !shape.Success)
        {
            throw new GraftException(Structured().IsMatch(text)
                ? $"{path}: holds records of several fields; save one array of numbers."
                : $"{path}: its header lacks descr, fortran_order or shape ({text.Trim()}); the file is damaged.");
        }
        return (type.Groups[1].Value, order.Groups[1].Value == "True", Extents(shape.Groups[1].Value, path));
    }

    private static int[] Extents(string text, string path)
    {
        string[] parts = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length > DeepestRank)
            throw new GraftException($"{path}: has {parts.Length} axes, NumPy's arrays have at most {DeepestRank}; the file is damaged.");
        return [.. parts.Select(p => int.TryParse(p.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out int d) ? d
            : throw new GraftException($"{path}: has an axis of {p}; whole numbers up to {int.MaxValue} are due."))];
    }

    private static long Count(int[] dims, string path)
    {
        try
        {
            return new Shape(dims).Count;
        }
        catch (OverflowException e)
        {
            throw new GraftException($"{path}: an array [{string.Join(',', dims)}] has more elements than can be counted; the file is damaged.", e);
        }
    }

    // "<f4": byte order (| where it does not matter), kind, bytes of an element
    private static (char Kind, int Size, bool IsBig) TypeOf(string type, string path)
    {
        bool known = type.Length == 3 && type[0] is '<' or '>' or '|' or '=' && type[1..] is "b1" or "i1" or "i2" or "i4" or "i8" or "u1" or "u2" or "u4" or "u8" or "f2" or "f4" or "f8";
        if (known)
            return (type[1], type[2] - '0', type[0] == '>');
        string what = type.Length > 1 ? type[1] switch { 'O' => "Python objects, which are never read", 'c' => "complex numbers", 'U' or 'S' => "texts", 'M' or 'm' => "times", _ => "numbers of a type that is not read" } : "nothing";
        throw new GraftException($"{path}: holds {what} ('{type}'); bool, whole numbers and floating point of 16 to 64 bits are read. Convert it: array.astype('float32').");
    }

    private static float[] Numbers(ReadOnlySpan<byte> bytes, char kind, int size) => (kind, size) switch
    {
        ('f', 4) => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        ('f', 8) => Each(MemoryMarshal.Cast<byte, double>(bytes), v => (float)v),
        ('f', _) => Each(MemoryMarshal.Cast<byte, Half>(bytes), v => (float)v),
        ('i', 1) => Each(MemoryMarshal.Cast<byte, sbyte>(bytes), v => (float)v),
        ('i', 2) => Each(MemoryMarshal.Cast<byte, short>(bytes), v => (float)v),
        ('i', 4) => Each(MemoryMarshal.Cast<byte, int>(bytes), v => (float)v),
        ('i', _) => Each(MemoryMarshal.Cast<byte, long>(bytes), v => (float)v),
        ('u', 2) => Each(MemoryMarshal.Cast<byte, ushort>(bytes), v => (float)v),
        ('u', 4) => Each(MemoryMarshal.Cast<byte, uint>(bytes), v => (float)v),
        ('u', 8) => Each(MemoryMarshal.Cast<byte, ulong>(bytes), v => (float)v),
        _ => Each(bytes, v => (float)v),
    };

    private static float[] Each<T>(ReadOnlySpan<T> source, Func<T, float> convert)
    {
        var values = new float[source.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = convert(source[i]);
        return values;
    }

    private static void Reverse(byte[] bytes, int size)
    {
        for (int i = 0; i < bytes.Length; i += size)
            bytes.AsSpan(i, size).Reverse();
    }

    /// <summary>Column-major numbers in row-major order: what is there are the axes from the last to the first.</summary>
    private static float[] FromColumns(float[] values, int[] dims) =>
        AxisPermutation.Of(values, new Shape([.. Enumerable.Reverse(dims)]), [.. Enumerable.Range(0, dims.Length).Reverse()]);

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"]([^'"]*)['"]""")]
    private static partial Regex Type();

    [GeneratedRegex("""['"]descr['"]\s*:\s*\[""")]
    private static partial Regex Structured();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)""")]
    private static partial Regex Order();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([^)]*)\)""")]
    private static partial Regex Dims();
}

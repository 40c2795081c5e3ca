using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Graft.Tests.Golden;

/// <summary>Reads golden tensors: a header of JSON, then the bytes. Everything becomes double.</summary>
internal sealed class SafetensorsFile
{
    private readonly byte[] _bytes;
    private readonly int _dataStart;
    private readonly JsonElement _header;

    public SafetensorsFile(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, length)).RootElement;
        _dataStart = 8 + length;
    }

    public bool Contains(string name) => _header.TryGetProperty(name, out _);

    public bool IsInteger(string name) => _header.GetProperty(name).GetProperty("dtype").GetString() is "I64";

    public (Shape Shape, double[] Values) Read(string name)
    {
        JsonElement entry = _header.GetProperty(name);
        int[] dims = [.. entry.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())];
        int from = entry.GetProperty("data_offsets")[0].GetInt32(), to = entry.GetProperty("data_offsets")[1].GetInt32();
        ReadOnlySpan<byte> data = _bytes.AsSpan(_dataStart + from, to - from);
        string type = entry.GetProperty("dtype").GetString()!;
        double[] values = type switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(data).ToArray(),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), v => (double)v),
            "I64" => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(data).ToArray(), v => (double)v),
            "BOOL" => Array.ConvertAll(data.ToArray(), v => (double)v),
            _ => throw new InvalidDataException($"{name} is {type}; the golden files hold F64, F32, I64 and BOOL."),
        };
        return (new Shape(dims), values);
    }
}

using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace Graft.Importers.Safetensors;

/// <summary>A tensor in a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">"F32", "F16", "BF16", "I64", ... as the file has it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="Bytes">Number of bytes.</param>
public sealed record SafetensorsEntry(string Name, string Type, Shape Shape, long Begin, long Bytes);

/// <summary>The header of a safetensors file, checked against the file.</summary>
internal sealed class SafetensorsHeader
{
    private const int LengthBytes = 8;
    private const long LongestHeader = 100_000_000; // as the reference reader limits it

    private static readonly Dictionary<string, int> TypeBytes = new()
    {
        ["F64"] = 8, ["F32"] = 4, ["F16"] = 2, ["BF16"] = 2, ["I64"] = 8, ["I32"] = 4, ["I16"] = 2, ["I8"] = 1, ["U64"] = 8, ["U32"] = 4, ["U16"] = 2, ["U8"] = 1,
        ["BOOL"] = 1, ["F8_E4M3"] = 1, ["F8_E5M2"] = 1,
    };

    /// <summary>The tensors, in the order of the header.</summary>
    public required IReadOnlyList<SafetensorsEntry> Entries { get; init; }

    /// <summary>The "__metadata__" of the writer.</summary>
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>Where the data begins in the file.</summary>
    public required long DataStart { get; init; }

    public static SafetensorsHeader Read(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a .safetensors file is due here.");
        using FileStream stream = File.OpenRead(path);
        if (stream.Length < LengthBytes)
            throw new GraftException($"{path}: has {stream.Length} bytes; a safetensors file begins with the 8 bytes of its header's length. It is truncated.");
        Span<byte> head = stackalloc byte[LengthBytes];
        stream.ReadExactly(head);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(head);
        if (length > LongestHeader || (long)length > stream.Length - LengthBytes)
        {
            throw new GraftException(head.IndexOf((byte)'<') == 0
                ? $"{path}: holds a page of HTML or XML, not safetensors; the download went wrong. Delete it and download it again."
                : $"{path}: says that its header has {length} bytes, the file has {stream.Length}; it is not a safetensors file, or truncated.");
        }
        var json = new byte[(int)length];
        stream.ReadExactly(json);
        long start = LengthBytes + (long)length;
        try
        {
            (List<SafetensorsEntry> entries, Dictionary<string, string> metadata) = Parse(json, path);
            CheckRanges(entries, stream.Length - start, path);
            return new SafetensorsHeader { Entries = entries, Metadata = metadata, DataStart = start };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException or KeyNotFoundException)
        {
            throw new GraftException($"{path}: its header is not the JSON of a safetensors file ({e.Message}); the file is damaged.", e);
        }
    }

    private static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(byte[] json, string path)
    {
        if (!Utf8.IsValid(json))
            throw new JsonException("it is no UTF-8");
        using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new JsonException($"it is {document.RootElement.ValueKind}, an object is due");
        List<SafetensorsEntry> entries = [];
        Dictionary<string, string> metadata = [];
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                foreach (JsonProperty note in property.Value.EnumerateObject())
                    metadata[note.Name] = note.Value.GetString() ?? throw new JsonException($"the note '{note.Name}' is null, text is due");
            }
            else
            {
                entries.Add(Entry(property.Name, property.Value, path));
            }
        }
        return (entries, metadata);
    }

    private static SafetensorsEntry Entry(string name, JsonElement value, string path)
    {
        string type = value.GetProperty("dtype").GetString() ?? "null";
        if (!TypeBytes.TryGetValue(type, out int size))
            throw new GraftException($"{path}: tensor '{name}' has type '{type}'; known are {string.Join(", ", TypeBytes.Keys)}.");
        var dims = new List<int>();
        long count = 1;
        foreach (JsonElement d in value.GetProperty("shape").EnumerateArray())
        {
            int extent = checked((int)d.GetUInt64());
            dims.Add(extent);
            count = checked(count * extent);
        }
        JsonElement range = value.GetProperty("data_offsets");
        if (range.GetArrayLength() != 2)
            throw new JsonException($"tensor '{name}' has {range.GetArrayLength()} data_offsets, two are due");
        long begin = checked((long)range[0].GetUInt64()), end = checked((long)range[1].GetUInt64());
        var shape = new Shape([.. dims]);
        if (end - begin != checked(count * size))
            throw new GraftException($"{path}: tensor '{name}' of type {type} and shape {shape} takes {count * size} bytes, its range {begin} to {end} has {end - begin}; the header is not true.");
        return new SafetensorsEntry(name, type, shape, begin, end - begin);
    }

    // One tensor must begin where the one before ends, and the last end with the file.
    private static void CheckRanges(List<SafetensorsEntry> entries, long dataBytes, string path)
    {
        long at = 0;
        foreach (SafetensorsEntry entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.Bytes))
        {
            if (entry.Begin != at)
                throw new GraftException($"{path}: tensor '{entry.Name}' begins at byte {entry.Begin} of the data, the one before ends at {at}: {(entry.Begin < at ? "they overlap" : "a hole")}; the header is not true.");
            at += entry.Bytes;
        }
        if (at != dataBytes)
            throw new GraftException($"{path}: its tensors take {at} bytes, the file has {dataBytes} behind its header; it is {(at > dataBytes ? "truncated" : "followed by something else")}.");
    }
}

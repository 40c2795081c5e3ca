using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Graft.Importers.Text;

/// <summary>Reads the documents of a text file, of JSON lines, or of a table of labels and texts.</summary>
public static class TextDocuments
{
    private const byte LineEnd = (byte)'\n';
    private const string TableEnding = ".tsv";

    private static readonly string[] JsonEndings = [".jsonl", ".ndjson", ".json"];

    /// <summary>Reads a file in UTF-8, with or without a byte order mark; line ends stay as they are.</summary>
    /// <param name="path">
    /// A .jsonl, .ndjson or .json file has one JSON object a line, each a document; a .tsv file a label and a text (<see cref="LabelledTexts"/>), which are read without
    /// the labels; any other is one document.
    /// </param>
    /// <param name="field">The member of these objects that holds the text.</param>
    /// <exception cref="GraftException">The file is missing, empty or not UTF-8; a line is no JSON object or lacks the field (the message has its number).</exception>
    public static IReadOnlyList<string> Read(string path, string field = "text")
    {
        if (path.EndsWith(TableEnding, StringComparison.OrdinalIgnoreCase))
            return LabelledTexts.Read(path).Texts;
        ReadOnlySpan<byte> text = ReadBytes(path, $"a text in UTF-8, or a .jsonl file with a member '{field}' in each line,");
        bool isJson = Array.Exists(JsonEndings, e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase));
        return isJson ? ReadObjects(path, text, field) : [Decode(path, text)];
    }

    /// <summary>Reads a text from each line of a file in UTF-8.</summary>
    /// <exception cref="GraftException">The file is missing, empty or not UTF-8, or a line is empty.</exception>
    public static IReadOnlyList<string> ReadLines(string path)
    {
        string[] lines = SplitLines(ReadText(path, "a file with a text in each line, in UTF-8,"));
        int empty = Array.FindIndex(lines, l => l.Length == 0);
        return empty < 0 ? lines : throw new GraftException($"{path}: line {empty + 1} is empty; a text in each line is due. Take it out.");
    }

    /// <summary>The lines of a text; behind the last line end there is none.</summary>
    internal static string[] SplitLines(string text)
    {
        string[] lines = text.Split('\n');
        return Array.ConvertAll(lines[^1].Length == 0 ? lines[..^1] : lines, l => l.TrimEnd('\r'));
    }

    /// <summary>Reads a whole file in UTF-8.</summary>
    /// <exception cref="GraftException">The file is missing, empty or not UTF-8.</exception>
    internal static string ReadText(string path, string due) => Decode(path, ReadBytes(path, due));

    private static ReadOnlySpan<byte> ReadBytes(string path, string due)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; {due} is due here.");
        byte[] bytes = File.ReadAllBytes(path);
        ReadOnlySpan<byte> text = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(Encoding.UTF8.Preamble.Length) : bytes;
        return !text.Trim(" \r\n\t"u8).IsEmpty ? text : throw new GraftException($"{path}: is empty; a text to learn from is due here.");
    }

    private static List<string> ReadObjects(string path, ReadOnlySpan<byte> text, string field)
    {
        var documents = new List<string>();
        int number = 0;
        foreach (Range range in text.Split(LineEnd))
        {
            number++;
            ReadOnlySpan<byte> line = text[range].Trim(" \r\t"u8);
            if (!line.IsEmpty)
                documents.Add(ReadObject(line, field, $"{path}, line {number}"));
        }
        return documents;
    }

    private static string ReadObject(ReadOnlySpan<byte> line, string field, string place)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            JsonElement json = document.RootElement;
            reader.Read(); // throws where the line goes on behind its object
            if (json.ValueKind != JsonValueKind.Object)
                throw new GraftException($"{place}: holds {json.ValueKind}, an object with a member '{field}' is due.");
            if (!json.TryGetProperty(field, out JsonElement value))
                throw new GraftException($"{place}: has no '{field}'; it has {Members(json)}. Name the member that holds the text.");
            return value.ValueKind == JsonValueKind.String ? value.GetString()!
                : throw new GraftException($"{place}: '{field}' is {value.ValueKind}, a text is due.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter where a text is not UTF-8
        {
            throw new GraftException($"{place}: is no JSON ({e.Message.TrimEnd('.')}); one object a line is due, in UTF-8.", e);
        }
    }

    private static string Members(JsonElement json) => string.Join(", ", json.EnumerateObject().Select(p => $"'{p.Name}'")) is { Length: > 0 } names ? names : "no member";

    private static string Decode(string path, ReadOnlySpan<byte> bytes)
    {
        char[] chars = ArrayPool<char>.Shared.Rent(bytes.Length); // no UTF-8 is longer in UTF-16
        try
        {
            if (Utf8.ToUtf16(bytes, chars, out int read, out int written, replaceInvalidSequences: false) == OperationStatus.Done)
                return new string(chars, 0, written);
            int line = bytes[..read].Count(LineEnd) + 1;
            bool isUtf16 = bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
            throw new GraftException($"{path}: is not UTF-8: byte 0x{bytes[read]:X2} at offset {read}, line {line}, is no part of a character{(isUtf16 ? "; it begins as UTF-16 does" : "")}. Save the text as UTF-8.");
        }
        finally
        {
            ArrayPool<char>.Shared.Return(chars);
        }
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>
/// One row an epoch: loss and metrics, "val_" before those of validation, seconds, images_per_second (of texts: tokens_per_second
/// or texts_per_second), learning_rate, data_wait_seconds.
/// </summary>
public sealed class History
{
    private const string NotesName = "notes";

    private readonly List<int> _epochs = [];
    private readonly Dictionary<string, double[]> _columns = [];
    private readonly List<string> _names = [];

    /// <summary>The epochs, from 0.</summary>
    public IReadOnlyList<int> Epochs => _epochs;

    /// <summary>Why a callback ended training early; null where it ran to its end.</summary>
    public string? StopReason { get; internal set; }

    /// <summary>What is worth knowing of the runs beside their numbers, a sentence each: how often a frozen base was computed.</summary>
    public IReadOnlyList<string> Notes { get; internal set; } = [];

    /// <summary>Column names in the order in which they came.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>One column, a number an epoch; NaN where an epoch did not have it.</summary>
    /// <exception cref="GraftException">There is no such column; the message lists them.</exception>
    public IReadOnlyList<double> this[string name] => _columns.TryGetValue(name, out double[]? column) ? column
        : throw new GraftException($"The history has no '{name}'; it has {(_names.Count == 0 ? "no epoch yet" : string.Join(", ", _names))}.");

    /// <summary>The last epoch's number: <c>history.Last("val_accuracy")</c>.</summary>
    /// <exception cref="GraftException">There is no such column.</exception>
    public double Last(string name) => this[name][^1];

    /// <summary>Adds an epoch.</summary>
    public void Add(int epoch, IReadOnlyDictionary<string, double> row)
    {
        _epochs.Add(epoch);
        foreach (string name in row.Keys)
        {
            if (_columns.TryAdd(name, []))
                _names.Add(name);
        }
        foreach (string name in _names)
        {
            double[] column = _columns[name];
            int known = column.Length;
            Array.Resize(ref column, _epochs.Count);
            column.AsSpan(known).Fill(double.NaN);
            column[^1] = row.TryGetValue(name, out double value) ? value : double.NaN;
            _columns[name] = column;
        }
    }

    /// <summary>A line an epoch, as it is printed: "Epoch 1  loss 0.6931  accuracy 0.5000"; epochs from 1, and without times and rates.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        for (int i = 0; i < _epochs.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"Epoch {_epochs[i] + 1}");
            foreach (string name in _names.Where(n => !n.EndsWith("seconds", StringComparison.Ordinal) && !n.EndsWith("_per_second", StringComparison.Ordinal)))
                text.Append(CultureInfo.InvariantCulture, $"  {name} {_columns[name][i]:0.0000####}");
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>A table with a head line, "epoch" first; numbers round-trip.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder("epoch");
        _names.ForEach(n => text.Append(',').Append(n));
        for (int i = 0; i < _epochs.Count; i++)
        {
            text.Append('\n').Append(_epochs[i].ToString(CultureInfo.InvariantCulture));
            foreach (string name in _names)
                text.Append(',').Append(_columns[name][i].ToString("R", CultureInfo.InvariantCulture));
        }
        return text.Append('\n').ToString();
    }

    /// <summary>An object of arrays, "epoch" first; NaN and infinities are null.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartArray("epoch");
            _epochs.ForEach(json.WriteNumberValue);
            json.WriteEndArray();
            foreach (string name in _names)
            {
                json.WriteStartArray(name);
                foreach (double value in _columns[name])
                {
                    if (double.IsFinite(value))
                        json.WriteNumberValue(value);
                    else
                        json.WriteNullValue();
                }
                json.WriteEndArray();
            }
            if (Notes.Count > 0)
            {
                json.WriteStartArray(NotesName);
                foreach (string note in Notes)
                    json.WriteStringValue(note);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="GraftException">The text is not such an object.</exception>
    public static History FromJson(string json)
    {
        try
        {
            JsonObject columns = JsonNode.Parse(json)!.AsObject();
            var history = new History { Notes = columns[NotesName] is JsonArray notes ? [.. notes.Select(n => (string)n!)] : [] };
            columns.Remove(NotesName);
            JsonArray epochs = columns["epoch"]!.AsArray();
            for (int i = 0; i < epochs.Count; i++)
            {
                history.Add((int)epochs[i]!, columns.Where(c => c.Key != "epoch")
                    .ToDictionary(c => c.Key, c => c.Value!.AsArray()[i] is { } value ? (double)value : double.NaN));
            }
            return history;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or ArgumentOutOfRangeException)
        {
            throw new GraftException("This is not a training history: it should be a JSON object of equally long arrays, one named 'epoch'.", e);
        }
    }

    /// <summary>Writes a .csv or .json file: whole or not at all.</summary>
    /// <exception cref="GraftException">The name ends in neither.</exception>
    public void Save(string path) => AtomicFile.Write(path, Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".CSV" => ToCsv(),
        ".JSON" => ToJson(),
        _ => throw new GraftException($"History: '{path}' ends neither in .csv nor in .json."),
    });
}

/// <summary>Files that are whole or absent, whenever the program ends.</summary>
internal static class AtomicFile
{
    /// <exception cref="GraftException">The file cannot be written; the old one is untouched.</exception>
    public static void Write(string path, string text)
    {
        string full = Path.GetFullPath(path), temporary = $"{full}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            using (var stream = new FileStream(temporary, FileMode.Create))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            throw new GraftException($"{path}: cannot be written ({e.Message}). A file that was there before is unchanged.", e);
        }
    }
}

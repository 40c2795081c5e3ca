using System.Globalization;
using System.Text.Json;

namespace Graft.Bench.Gpu;

/// <summary>The rows of a folder, written as they come: what was measured stays, whatever ends the program.</summary>
/// <param name="folder">The folder.</param>
/// <param name="only">Beginning of the names of what is measured.</param>
internal sealed class GpuResults(string folder, string only = "")
{
    private const string FileName = "rows.jsonl";

    /// <summary>True once a row was wrong or failed.</summary>
    public bool HasFailed { get; private set; }

    private string File => Path.Combine(folder, FileName);

    /// <summary>Adds a row and prints it.</summary>
    public void Add(GpuRow row)
    {
        Directory.CreateDirectory(folder);
        System.IO.File.AppendAllText(File, row.ToJson() + "\n");
        if (row.Part != GpuRow.Check)
            Console.WriteLine(row);
    }

    /// <summary>Runs one measurement; what it throws becomes a row that says so, and the next one goes on.</summary>
    public void Try(GpuRow row, Func<GpuRow> measure)
    {
        if (row.Name.StartsWith(only, StringComparison.Ordinal))
            Try(row, () => Add(measure()));
    }

    /// <summary>Runs a part; what it throws outside of its measurements becomes a row too.</summary>
    public void TryPart(string part, Action run) => Try(new GpuRow { Part = part, Name = part, Precision = "" }, run);

    private void Try(GpuRow row, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is GraftException or NotSupportedException or InvalidOperationException)
        {
            HasFailed = true;
            Add(row with { Note = $"failed: {e.Message.ReplaceLineEndings(" ")}" });
        }
    }

    /// <summary>All rows of the folder, of every program that wrote some. A line that is no row, as a program leaves it that is ended while it writes, becomes one that says so.</summary>
    public IReadOnlyList<GpuRow> Load() => System.IO.File.Exists(File) ? [.. System.IO.File.ReadLines(File).Select(Read).OfType<GpuRow>()]
        : throw new GraftException($"{File} is not there: nothing was measured yet.");

    private static GpuRow? Read(string line, int number)
    {
        if (line.Length == 0)
            return null;
        try
        {
            return GpuRow.FromJson(line);
        }
        catch (JsonException)
        {
            return new GpuRow { Part = "report", Name = string.Create(CultureInfo.InvariantCulture, $"line {number + 1}"), Precision = "", Note = $"{FileName} has no row there: it does not parse" };
        }
    }
}

using System.Text;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using Graft.Bench.Torch;
using Graft.Kernels;

namespace Graft.Bench.Suite;

/// <summary>Writes each summary as a table in bench/Results, in a folder named after the processor, as soon as its class is done.</summary>
/// <param name="command">What the tables say they were made by.</param>
internal sealed class ResultsFile(string command) : IExporter
{
    public string Name => nameof(ResultsFile);

    public void ExportToLog(Summary summary, ILogger logger)
    {
    }

    public IEnumerable<string> ExportToFiles(Summary summary, ILogger consoleLogger) => summary.BenchmarksCases.Length == 0 ? [] : [Write(summary)];

    private string Write(Summary summary)
    {
        string bench = summary.BenchmarksCases[0].Descriptor.Type.Name;
        var text = new StringBuilder();
        text.AppendLine($"# {bench}");
        text.AppendLine();
        text.AppendLine($"`{command}`, {DateTime.UtcNow:yyyy-MM-dd}. {Machine.Describe()}; {CpuThreads.Count} thread(s).");
        text.AppendLine(TorchLibrary.Loads ? "Peers: ONNX Runtime, libtorch." : $"Peers: ONNX Runtime. libtorch is left out: {TorchLibrary.Reason}");
        text.AppendLine(Gpu.BenchGpu.Obstacle is { } obstacle ? $"Rows on a GPU are left out: {obstacle}" : $"cuda: {Gpu.BenchGpu.Describe()}; with a wait for the end in each run.");
        text.AppendLine();
        SummaryTable.SummaryTableColumn[] columns = [.. summary.Table.Columns.Where(c => c.OriginalColumn is FigureColumn)];
        text.AppendLine($"| {string.Join(" | ", columns.Select(c => c.Header))} |");
        text.AppendLine($"|{string.Concat(columns.Select(_ => " --- |"))}");
        for (int row = 0; row < summary.Table.FullContent.Length; row++)
            text.AppendLine($"| {string.Join(" | ", columns.Select(c => c.Content[row]))} |");
        text.AppendLine();
        text.AppendLine(string.Join(" ", columns.Where(c => c.OriginalColumn.IsNumeric).Select(c => $"{c.Header}: {c.OriginalColumn.Legend}.")));
        return Write($"{bench}{(CpuThreads.Count == 1 ? "-1thread" : "")}.md", text.ToString());
    }

    /// <summary>Writes a file into the folder of this machine's results.</summary>
    public static string Write(string name, string text)
    {
        string folder = Path.Combine(BenchFolder(), "Results", Machine.FolderName);
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text.ReplaceLineEndings("\n"));
        return path;
    }

    private static string BenchFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            folder = folder.Parent;
        return Path.Combine(folder?.FullName ?? throw new GraftException("The results go to bench/Results of the repository, and there is no Engine.sln above this program."), "bench");
    }
}

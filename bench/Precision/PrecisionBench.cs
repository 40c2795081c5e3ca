using System.Globalization;
using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Precision;

/// <summary>What it costs to store weights in fewer bits: the perplexity of a text that a small GPT-2 has not seen, by the precision of its weights, beside their bytes.</summary>
internal static class PrecisionBench
{
    /// <summary>Trains on the text, or opens a model that was trained on it, and writes the table to standard output and to Precision.md of this machine's results.</summary>
    /// <returns>0; 1 where a file cannot be read or the figures would be wrong; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        PrecisionOptions options;
        try
        {
            options = PrecisionOptions.Parse(arguments);
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
        try
        {
            CharacterModel trained = options.Folder is string folder ? CharacterModel.Open(folder, options.Text) : CharacterModel.Train(options.Text, options.Epochs, Console.Error.WriteLine);
            string command = $"dotnet run -c Release --project bench -- precision {Path.GetFileName(options.Text)} {(options.Folder is null ? string.Create(CultureInfo.InvariantCulture, $"--epochs {options.Epochs}") : "--model FOLDER")}";
            string table = $"# Precision\n\n`{command}`, {DateTime.UtcNow:yyyy-MM-dd}. {Machine.Describe()}; {CpuThreads.Count} thread(s).\n{PrecisionTable.Of(trained)}";
            trained.Model.Release();
            Console.Write(table);
            Console.Error.WriteLine($"written to {ResultsFile.Write("Precision.md", table)}");
            return 0;
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}

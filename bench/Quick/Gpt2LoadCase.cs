using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Models;

namespace Graft.Bench.Quick;

/// <summary>Loading 124 million parameters from a safetensors file that lies in the system's page cache, into a model without numbers.</summary>
internal sealed class Gpt2LoadCase : IQuickCase
{
    private const string Name = "gpt2-load";
    private const double Budget = 1; // seconds

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name];

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        string folder = Directory.CreateTempSubdirectory("graft-bench").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "config.json"), Gpt2Config.Small.ToJson());
            Gpt2 model = Gpt2.Build(Gpt2Config.Small);
            SafetensorsWriter.Save(Path.Combine(folder, "model.safetensors"), model, Gpt2.HuggingFaceName);
            model.Release();
            Contender load = new(Name, "s", () => Load(folder), seconds => seconds);
            line(QuickBench.Line(load, PairedRounds.Measure([load], Budget)[0]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return true;
    }

    private static void Load(string folder)
    {
        Gpt2 model = Gpt2.Build(Gpt2Config.Open(folder));
        model.LoadWeights(HuggingFaceFolder.OpenWeights(folder));
        model.Release();
    }
}

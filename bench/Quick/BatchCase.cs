using System.Globalization;

namespace Graft.Bench.Quick;

/// <summary>A network at a batch size, with weights that every contender gets alike.</summary>
/// <param name="Name">What is timed, and batch: "resnet50-forward-b32".</param>
/// <param name="Batch">Images a run.</param>
/// <param name="Build">Makes the graph.</param>
internal abstract record BatchCase(string Name, int Batch, Func<Model> Build)
{
    private const int WeightSeed = 1;

    /// <summary>First word of the line of Graft on a GPU.</summary>
    public string CudaName => $"cuda-{Name}";

    /// <summary>The graph with its weights, on the processor where no device is named.</summary>
    public Model Open(Device? device = null)
    {
        Model model = Build();
        HeWeights.Fill(model, WeightSeed);
        model.MoveTo(device ?? Device.Cpu);
        return model;
    }

    /// <summary>One of these by its name, with any batch size: "resnet50-forward-b8"; null where there is none.</summary>
    protected static T? Named<T>(T[] all, string name)
        where T : BatchCase
    {
        int end = name.LastIndexOf("-b", StringComparison.Ordinal);
        BatchCase? found = end < 0 ? null : Array.Find(all, c => c.Name.StartsWith(name[..(end + 2)], StringComparison.Ordinal));
        return found is not null && int.TryParse(name.AsSpan(end + 2), NumberStyles.None, CultureInfo.InvariantCulture, out int batch) && batch > 0
            ? (T)(found with { Name = name, Batch = batch }) : null;
    }
}
